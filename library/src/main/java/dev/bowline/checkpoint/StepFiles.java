package dev.bowline.checkpoint;

import dev.bowline.files.NewFile;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.LanguageModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalDouble;

/// The files of a training checkpoint in addition to the weights: optimizer state, adapter values, progress.
record StepFiles(StateFile optimizer, StateFile adapter, String json) {

    /// The value to compare checkpoints by.
    ///
    /// @param value empty when nothing was measured
    record Metric(String name, OptionalDouble value) {}

    static StepFiles of(int step, LanguageModel model, StateToSave state, Metric metric) {
        TrainingState.requireCanonical(state.names(), model, "step " + step);
        JsonObject json = JsonObject.of()
                .with("step", step)
                .with(
                        "metric",
                        metric.value().isPresent() ? JsonValue.of(metric.value().getAsDouble()) : JsonValue.absent())
                .with("metric_name", metric.name())
                .with("state", state.state())
                .with(TrainingState.HAS_OPTIMIZER, !state.tensors().isEmpty());
        return new StepFiles(
                new StateFile(TrainingState.TENSORS_FILE_NAME, state.tensors()),
                AdapterState.file(model),
                Json.pretty(json));
    }

    long tensorBytes() {
        return optimizer.bytes() + adapter.bytes();
    }

    long textBytes() {
        return json.length();
    }

    long bytes() {
        return tensorBytes() + textBytes();
    }

    /// @param save counts the tensors
    void write(Path directory, CountedSave save) throws IOException {
        optimizer.write(directory, save);
        adapter.write(directory, save);
        NewFile.write(directory.resolve(TrainingState.FILE_NAME), json);
    }
}
