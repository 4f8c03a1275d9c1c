package dev.bowline.train;

import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.platform.ProcessMemory;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/// The figures of a step and of a validation, as rows of the metrics logs. Field names are those of NeMo AutoModel;
/// `mem` is the resident memory in GiB, and `mfu` is null, as in NeMo AutoModel for a processor with an unknown peak.
final class MetricsRow {

    private static final double GIB = 1L << 30;
    private static final String STEP = "step";
    private static final String EPOCH = "epoch";
    private static final Set<String> PLACE = Set.of(STEP, EPOCH);

    private MetricsRow() {}

    static JsonObject of(StepResult step) {
        return row(step.step(), step.epoch())
                .with("loss", step.loss())
                .with("grad_norm", step.gradNorm())
                .with("lr", step.learningRate())
                .with("mem", memory())
                .with("tps", step.tokensPerSecond())
                .with("tps_per_gpu", step.tokensPerSecond())
                .with("mfu", JsonValue.absent())
                .with("num_tokens_per_step", step.tokens())
                .with("num_label_tokens", step.targetTokens());
    }

    static JsonObject of(ValidationResult result) {
        return row(result.step(), result.epoch())
                .with("val_loss", result.loss())
                .with("lr", result.learningRate())
                .with("num_label_tokens", result.targetTokens())
                .with("mem", memory());
    }

    static JsonObject of(RunEvaluation result) {
        JsonObject row = JsonObject.of()
                .with(STEP, result.step())
                .with("timestamp", Instant.now().toString());
        for (var score : result.scores().entrySet()) {
            row = row.with(score.getKey(), score.getValue());
        }
        List<JsonValue> samples = new ArrayList<>();
        for (RunEvaluation.Sample sample : result.samples()) {
            samples.add(JsonObject.of()
                    .with("origin", sample.origin())
                    .with("prompt", sample.prompt())
                    .with("expected", sample.expected())
                    .with("base", sample.base().<JsonValue>map(JsonValue::of).orElseGet(JsonValue::absent))
                    .with("answer", sample.answer()));
        }
        return row.with("questions", result.questions())
                .with("stopped", result.stopped())
                .with("mean_tokens", result.meanTokens())
                .with("seconds", result.seconds())
                .with("samples", JsonValue.of(samples));
    }

    private static JsonObject row(long step, int epoch) {
        return JsonObject.of()
                .with(STEP, step)
                .with(EPOCH, epoch)
                .with("timestamp", Instant.now().toString());
    }

    private static double memory() {
        return ProcessMemory.resident().orElse(0) / GIB;
    }

    /// The numbers of a row by name, without its step and epoch.
    static SequencedMap<String, Double> figures(JsonObject row) {
        SequencedMap<String, Double> figures = new LinkedHashMap<>();
        row.fields().forEach((name, value) -> {
            if (!PLACE.contains(name) && value instanceof JsonNumber number) {
                figures.put(name, number.asDouble());
            }
        });
        return figures;
    }
}
