package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.Adapter;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
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
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.tensor.HostTensors;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The adapter that a run trains. The base stays frozen in its mapped files, and no save writes it.
final class RunAdapter {

    /// The name of the adapter, as PEFT's default.
    private static final String NAME = "default";

    private final Adapter adapter;
    private final Checkpoint base;
    private Optional<AdapterRecord> record = Optional.empty();

    private RunAdapter(Adapter adapter, Checkpoint base) {
        this.adapter = adapter;
        this.base = base;
    }

    /// Freezes the base before it is loaded, so that its weights stay in the mapped files.
    static void freeze(LanguageModel model) {
        model.parameters().values().forEach(Parameter::freeze);
    }

    /// @param pretrained the frozen base
    /// @param seed of the initial values
    static RunAdapter create(Pretrained pretrained, LoraConfig lora, long seed) {
        Adapter adapter = Adapters.of(pretrained.model()).create(NAME, lora, seed);
        adapter.modules().forEach(RunAdapter::requireSaved);
        return new RunAdapter(adapter, pretrained.checkpoint());
    }

    private static void requireSaved(AdaptedModule module) {
        if (!(module instanceof AdaptedModule.LinearPair)) {
            throw new BowlineException(
                    "'%s' is not a linear, and its adapter cannot be saved yet".formatted(module.module()),
                    "exclude it with peft.exclude_modules");
        }
    }

    Checkpoint base() {
        return base;
    }

    Adapter adapter() {
        return adapter;
    }

    JsonObject settings() {
        return AdapterSettings.json(adapter.config());
    }

    AdapterSave save(SaveProgress progress) {
        List<TensorSource> tensors = adapter.slots().entrySet().stream()
                .map(entry -> new TensorSource(
                        AdapterKey.PREFIX + entry.getKey(),
                        SafetensorsType.F32,
                        Arrays.stream(entry.getValue().shape()).boxed().toList(),
                        HostTensors.bytes(entry.getValue().tensor().detach())))
                .toList();
        long bytes = tensors.stream().mapToLong(TensorSource::bytes).sum();
        return new AdapterSave(
                base,
                bytes,
                aside -> AdapterFiles.create(aside, adapter.config(), record(), tensors),
                progress);
    }

    /// Refuses to resume an adapter of another base or of other settings.
    ///
    /// @param directory a training checkpoint with an adapter
    void requireSame(Path directory) {
        JsonObject state = Json.parse(directory.resolve(TrainingState.FILE_NAME))
                .asObject()
                .requireObject("state");
        AdapterSettings.requireSame(directory, state.requireObject("peft"), adapter.config());
        try (AdapterFiles saved = AdapterFiles.open(directory)) {
            saved.record().ifPresent(each -> each.requireBase(directory.toString(), record().identity()));
        }
    }

    /// The record of the base, whose weights are read once for it.
    private AdapterRecord record() {
        if (record.isEmpty()) {
            try (WeightFiles weights = WeightFiles.open(base.directory())) {
                String name = base.directory().toAbsolutePath().normalize().toString();
                record = Optional.of(
                        AdapterRecord.of(name, BaseIdentity.of(weights), adapter.config().tieMode()));
            }
        }
        return record.get();
    }
}
