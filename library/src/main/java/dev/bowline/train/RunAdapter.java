package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.adapter.Adapter;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.AdapterSave;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.SaveProgress;
import dev.bowline.checkpoint.TrainingState;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.quantization.Quantization;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The adapter that a run trains. The base stays frozen in its mapped files, and no save writes it.
final class RunAdapter {

    /// The name of the adapter, as PEFT's default.
    private static final String NAME = "default";

    private static final String QUANTIZATION = "quantization";
    private static final String ROWS = "vocab_size";

    private final Adapter adapter;
    private final Checkpoint base;
    private final Optional<Quantization> quantization;
    private final int rows;
    private Optional<AdapterRecord> record = Optional.empty();

    private RunAdapter(Adapter adapter, Checkpoint base, Optional<Quantization> quantization, int rows) {
        this.rows = rows;
        this.adapter = adapter;
        this.base = base;
        this.quantization = quantization;
    }

    /// Freezes the base before it is loaded, so that its weights stay in the mapped files.
    static void freeze(LanguageModel model) {
        model.parameters().values().forEach(Parameter::freeze);
    }

    /// @param pretrained the frozen base
    /// @param quantization of the base
    /// @param seed of the initial values
    static RunAdapter create(Pretrained pretrained, Optional<Quantization> quantization, LoraConfig lora, long seed) {
        Adapter adapter = Adapters.of(pretrained.model()).create(NAME, lora, seed);
        return new RunAdapter(
                adapter,
                pretrained.checkpoint(),
                quantization,
                pretrained.model().vocabularySize());
    }

    Checkpoint base() {
        return base;
    }

    Adapter adapter() {
        return adapter;
    }

    JsonObject settings() {
        return AdapterSettings.json(adapter.config())
                .with(QUANTIZATION, name(quantization))
                .with(ROWS, rows);
    }

    private static String name(Optional<Quantization> quantization) {
        return quantization.map(Quantization::configName).orElse("none");
    }

    /// The files of the adapter's present values.
    AdapterSave save(SaveProgress progress) {
        long bytes = adapter.slots().values().stream()
                .map(Slot::get)
                .mapToLong(parameter -> parameter.elements() * parameter.dtype().bytes())
                .sum();
        return new AdapterSave(base, bytes, this::write, progress);
    }

    /// Writes the files and reads them back.
    private void write(Path directory) throws IOException {
        try (Arena arena = Arena.ofConfined();
                TensorScope _ = TensorScope.open()) {
            List<TensorSource> tensors = adapter.tensors(arena);
            AdapterFiles.create(directory, adapter.savedConfig(), record(), tensors);
            try (AdapterFiles written = AdapterFiles.open(directory)) {
                for (TensorSource tensor : tensors) {
                    requireEqual(tensor, written.bytes(tensor.name()), directory);
                }
            }
        }
    }

    private static void requireEqual(TensorSource tensor, MemorySegment written, Path directory) throws IOException {
        long[] position = new long[1];
        tensor.content().writeTo(piece -> {
            if (piece.mismatch(written.asSlice(position[0], piece.byteSize())) != -1) {
                throw new BowlineException(
                        "%s was written, but '%s' reads back differently".formatted(directory, tensor.name()),
                        "check the disk, then save again; nothing was left behind");
            }
            position[0] += piece.byteSize();
        });
    }

    /// Refuses to resume an adapter of another base or of other settings.
    ///
    /// @param directory a training checkpoint with an adapter
    void requireSame(Path directory) {
        JsonObject state = Json.parse(directory.resolve(TrainingState.FILE_NAME))
                .asObject()
                .requireObject("state");
        JsonObject settings = state.requireObject("peft");
        AdapterSettings.requireSame(directory, settings, adapter.config());
        requireSameQuantization(directory, settings.requireString(QUANTIZATION));
        requireSameRows(directory, settings);
        try (AdapterFiles saved = AdapterFiles.open(directory)) {
            saved.record().ifPresent(each -> each.requireBase(directory.toString(), record().identity()));
        }
    }

    /// Gradients on another base are other gradients.
    private void requireSameQuantization(Path directory, String before) {
        if (!before.equals(name(quantization))) {
            throw new BowlineException(
                    "%s has an adapter that was trained with model.quantization %s, the recipe says %s"
                            .formatted(directory, before, name(quantization)),
                    "resume with the quantization that the run began with, or start a new run in another"
                            + " checkpoint.checkpoint_dir");
        }
    }

    /// Runs that were saved before a vocabulary could be resized have no number.
    private void requireSameRows(Path directory, JsonObject settings) {
        long before = settings.optionalLong(ROWS).orElse((long) rows);
        if (before != rows) {
            throw new BowlineException(
                    "%s has an adapter that was trained with %d rows of the token embedding, the recipe gives %d"
                            .formatted(directory, before, rows),
                    "resume with the model.resize_token_embeddings that the run began with, or start a new run in"
                            + " another checkpoint.checkpoint_dir");
        }
    }

    /// The record of the base, whose weights are read once for it.
    private AdapterRecord record() {
        if (record.isEmpty()) {
            try (WeightFiles weights = WeightFiles.open(base.directory())) {
                String name = base.directory().toAbsolutePath().normalize().toString();
                record = Optional.of(AdapterRecord.of(
                        name, BaseIdentity.of(weights), adapter.config().tieMode()));
            }
        }
        return record.get();
    }
}
