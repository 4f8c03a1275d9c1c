package dev.bowline.checkpoint;

import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.checkpoint.SaveReport.Origin;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.files.NewFile;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.TensorSource;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/// A checkpoint that is written again with other values of some tensors, one tensor at a time. No model holds
/// its values. The names, files, config.json and the files next to the weights are those of the source, as in a
/// save.
///
/// @param names the source, and the model's slots without values
/// @param head the head of the written checkpoint; it sets the tie flags in config.json
/// @param tensors every tensor of the result, in the order of the source
/// @param dropped tensors of the source that the result leaves out, each with its reason
/// @param progress told how far the writing is
public record CheckpointRewrite(
        CheckpointMapping names,
        Head head,
        List<Written> tensors,
        List<LoadReport.Ignored> dropped,
        SaveProgress progress) {

    /// The file in which a merged checkpoint says how it was made. A save does not copy it.
    public static final String RECORD = ModelDirectory.MERGE_FILE;

    /// One tensor of the result. Its content is asked for twice: when it is written and when it is read back.
    public record Written(TensorSource tensor, Origin origin) {}

    public CheckpointRewrite {
        tensors = List.copyOf(tensors);
        dropped = List.copyOf(dropped);
    }

    /// Writes the directory whole or not at all, and reads the files back before `check`.
    ///
    /// @param directory absent or empty
    /// @param record the content of [#RECORD], asked for when all tensors are written
    public SaveReport write(Path directory, Supplier<JsonObject> record, SaveCheck check) {
        AtomicDirectory.requireFree(directory);
        List<TensorToSave> all = tensors.stream()
                .map(each -> new TensorToSave(each.tensor(), each.origin()))
                .toList();
        ModelSave save = ModelSave.ofTensors(names, head, all, dropped, progress);
        ModelSave.Extras extras = new ModelSave.Extras(0, RECORD_BYTES, (aside, _) -> {
            byte[] text = Json.pretty(record.get()).getBytes(StandardCharsets.UTF_8);
            NewFile.write(aside.resolve(RECORD), text);
        });
        return save.run(directory, extras, check);
    }

    private static final long RECORD_BYTES = 1L << 20;
}
