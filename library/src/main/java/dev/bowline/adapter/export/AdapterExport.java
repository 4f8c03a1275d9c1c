package dev.bowline.adapter.export;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.safetensors.WeightFiles;
import java.lang.foreign.Arena;
import java.nio.file.Path;

/// Writes a LoRA adapter for another program, in a directory of its own, whole or not at all.
public final class AdapterExport {

    private AdapterExport() {}

    /// @param adapter the adapter's directory
    /// @param base the directory of the base model
    /// @param out absent or empty
    /// @throws BowlineException for an adapter of another base, and for one that the program would apply in part or
    ///     wrongly
    public static ExportReport write(Path adapter, Path base, ExportTarget target, Path out) {
        AtomicDirectory.requireFree(out);
        try (AdapterFiles files = AdapterFiles.open(adapter);
                WeightFiles weights = WeightFiles.open(base);
                Arena arena = Arena.ofConfined()) {
            ExportBase read = ExportBase.read(base);
            AdapterRecord record = record(files, weights);
            SourceAdapter source = SourceAdapter.of(files, read, weights, arena);
            Exported exported = switch (target) {
                case PEFT -> PeftExport.of(source, read, record, arena);
                case VLLM -> VllmExport.of(source, read, record);
                case LLAMA_CPP, OLLAMA -> GgufExport.of(source, read, target);
            };
            AtomicDirectory.write(out, exported.bytes(), exported.content()::writeTo);
            return new ExportReport(
                    target,
                    out,
                    files.tensors().size(),
                    exported.leftOut(),
                    exported.tensors(),
                    source.maxRank(),
                    exported.notes());
        }
    }

    /// The adapter's record, compared with the base; a new one for an adapter that has none.
    private static AdapterRecord record(AdapterFiles files, WeightFiles weights) {
        BaseIdentity identity = BaseIdentity.of(weights);
        if (files.record().isPresent()) {
            files.record().get().requireBase(files.directory().toString(), identity);
            return files.record().get();
        }
        String name = files.json()
                .optionalString("base_model_name_or_path")
                .filter(text -> !text.isBlank())
                .orElseGet(() -> weights.directory().toString());
        return AdapterRecord.of(name, identity, files.config().tieMode());
    }
}
