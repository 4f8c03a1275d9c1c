package dev.bowline.adapter.merge;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.platform.NativeProcess;
import dev.bowline.streamed.StreamedCheckpoint;
import dev.bowline.tensor.LibTorch;
import java.nio.file.Path;

/// Merges a LoRA adapter into its base: a checkpoint that computes what the base computes with the adapter.
///
/// The weights are read, changed and written a few rows at a time; no model holds them. A delta is computed in
/// float32 or wider, added, and rounded once to the stored dtype.
///
/// ```java
/// try (MergePlan plan = Merge.plan(base, adapter, MergeOptions.DEFAULT)) {
///     MergeReport report = plan.write(out);
/// }
/// ```
public final class Merge {

    private Merge() {}

    /// Checks a merge and writes nothing. Every byte of the base is read once, to compare the base with the
    /// record of the adapter.
    ///
    /// @param base a Hugging Face checkpoint directory
    /// @param adapter a PEFT adapter directory
    /// @return the plan, open until the caller closes it
    /// @throws dev.bowline.BowlineException if the adapter does not fit the base, if it was trained on another
    ///     base, or if it changes one of two tied modules and no tie mode is chosen
    public static MergePlan plan(Path base, Path adapter, MergeOptions options) {
        NativeProcess.tune();
        LibTorch.load();
        AdapterFiles files = AdapterFiles.open(adapter);
        try {
            StreamedCheckpoint weights = StreamedCheckpoint.open(base);
            try {
                return new MergePlan(base, weights, files, options);
            } catch (RuntimeException e) {
                weights.close();
                throw e;
            }
        } catch (RuntimeException e) {
            files.close();
            throw e;
        }
    }
}
