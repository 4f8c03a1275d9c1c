package dev.bowline.report;

import dev.bowline.BowlineVersion;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.memory.MemoryReport;
import dev.bowline.recipe.EffectiveSettings.Setting;
import dev.bowline.train.RunEvaluation;
import dev.bowline.train.RunReport;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/// The report of a run for programs: `docs/report.schema.json`. A run that resumes reads its marks and its experts'
/// shares back from it.
final class RunPageJson implements JsonRenderer<RunHistory> {

    @Override
    public JsonObject json(RunHistory run) {
        RunFacts facts = run.facts();
        Optional<RunReport> result = run.result();
        JsonObject json = JsonObject.of()
                .with("bowline", BowlineVersion.current())
                .with("state", run.state().name().toLowerCase(Locale.ROOT))
                .with("failure", orAbsent(run.failure().map(JsonValue::of)))
                .with("started", facts.started().toString())
                .with("updated", run.updated().toString())
                .with(
                        "seconds",
                        Duration.between(facts.started(), run.updated()).toMillis() / 1e3)
                .with("step", run.step())
                .with("last_step", facts.lastStep())
                .with("resumed_at", facts.resumedAt())
                .with("model", model(facts))
                .with(
                        "checkpoint",
                        orAbsent(result.flatMap(RunReport::checkpoint).map(path -> JsonValue.of(path.toString()))))
                .with("curves", curves(run))
                .with("scores", scores(run))
                .with("evaluation", orAbsent(run.evaluation().map(RunPageJson::evaluation)))
                .with(
                        "marks",
                        JsonValue.of(run.marks().stream().map(RunPageJson::mark).toList()))
                .with("expert_shares", experts(run))
                .with("updates", result.map(RunJson::updates).orElseGet(() -> JsonValue.of(List.of())))
                .with("experts", result.map(RunJson::experts).orElseGet(() -> JsonValue.of(List.of())))
                .with("memory", memory(facts.memory(), run.peakMemory()))
                .with(
                        "ties",
                        new TieLedgerJson()
                                .json(result.map(RunReport::ties)
                                        .orElse(facts.load().ledger())))
                .with("notes", JsonArray.ofStrings(run.notes()))
                .with("recipe", recipe(facts));
        JsonObject environment = JsonObject.of();
        for (var row : facts.environment().entrySet()) {
            environment = environment.with(row.getKey(), row.getValue());
        }
        return json.with("environment", environment);
    }

    private static JsonObject model(RunFacts facts) {
        return JsonObject.of()
                .with("checkpoint", facts.load().checkpoint().toString())
                .with("architecture", facts.load().architecture())
                .with("dtype", facts.load().dtype().configName())
                .with("parameters", facts.memory().parameters())
                .with("trained_parameters", facts.trainedParameters());
    }

    private static JsonObject curves(RunHistory run) {
        JsonObject curves = JsonObject.of();
        for (RunFigure figure : RunFigure.values()) {
            curves = curves.with(figure.id(), points(run.points(figure)));
        }
        return curves;
    }

    private static JsonArray scores(RunHistory run) {
        return JsonValue.of(run.scores().entrySet().stream()
                .map(score -> JsonObject.of()
                        .with("name", score.getKey())
                        .with("curve", points(score.getValue().points())))
                .toList());
    }

    private static JsonObject evaluation(RunEvaluation last) {
        return JsonObject.of()
                .with("step", last.step())
                .with("questions", last.questions())
                .with("stopped", last.stopped())
                .with("mean_tokens", last.meanTokens())
                .with(
                        "scores",
                        JsonValue.of(last.scores().entrySet().stream()
                                .map(score -> JsonObject.of()
                                        .with("name", score.getKey())
                                        .with("score", score.getValue())
                                        .with(
                                                "base",
                                                orAbsent(Optional.ofNullable(
                                                                last.base().get(score.getKey()))
                                                        .map(JsonValue::of))))
                                .toList()))
                .with(
                        "samples",
                        JsonValue.of(last.samples().stream()
                                .map(sample -> JsonObject.of()
                                        .with("origin", sample.origin())
                                        .with("prompt", sample.prompt())
                                        .with("expected", sample.expected())
                                        .with("base", orAbsent(sample.base().map(JsonValue::of)))
                                        .with("answer", sample.answer()))
                                .toList()));
    }

    private static JsonArray points(List<Curve.Point> points) {
        return JsonValue.of(points.stream()
                .map(point -> JsonObject.of()
                        .with("first", point.first())
                        .with("last", point.last())
                        .with("steps", point.steps())
                        .with("mean", point.mean())
                        .with("least", point.least())
                        .with("most", point.most()))
                .toList());
    }

    private static JsonObject mark(RunMark mark) {
        return JsonObject.of()
                .with("step", mark.step())
                .with("kind", mark.kind().id())
                .with("text", mark.text());
    }

    private static JsonArray experts(RunHistory run) {
        return JsonValue.of(run.experts().entrySet().stream()
                .map(layer -> JsonObject.of()
                        .with("layer", layer.getKey())
                        .with("least", points(layer.getValue().least().points()))
                        .with("most", points(layer.getValue().most().points())))
                .toList());
    }

    private static JsonObject memory(MemoryReport memory, OptionalLong peak) {
        JsonObject json = new MemoryJson().json(memory).without("changes");
        return json.with("measured_peak", peak.isPresent() ? JsonValue.of(peak.getAsLong()) : JsonValue.absent());
    }

    private static JsonObject recipe(RunFacts facts) {
        return JsonObject.of()
                .with("path", facts.file().recipe().source().toString())
                .with(
                        "settings",
                        JsonValue.of(facts.file().settings().rows().stream()
                                .map(RunPageJson::setting)
                                .toList()));
    }

    private static JsonObject setting(Setting setting) {
        return JsonObject.of()
                .with("key", setting.key())
                .with("value", orAbsent(setting.value().map(JsonValue::of)))
                .with("origin", setting.origin().toString());
    }

    private static JsonValue orAbsent(Optional<? extends JsonValue> value) {
        return value.isPresent() ? value.get() : JsonValue.absent();
    }
}
