package dev.bowline.report;

import dev.bowline.adapter.verify.VerifyReport;
import dev.bowline.adapter.verify.VerifyReport.AdapterChangesCount;
import dev.bowline.adapter.verify.VerifyReport.LogitsChange;
import dev.bowline.adapter.verify.VerifyReport.Tensors;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.Locale;
import java.util.Optional;

/// The proof of a merged checkpoint or an adapter.
public final class VerifyJson implements JsonRenderer<VerifyReport> {

    @Override
    public JsonObject json(VerifyReport report) {
        return JsonObject.of()
                .with("directory", report.directory().toString())
                .with("base", report.base().toString())
                .with("kind", report.kind().name().toLowerCase(Locale.ROOT))
                .with("verified", report.isSound())
                .with("problems", JsonArray.ofStrings(report.problems()))
                .with("tensors", optional(report.tensors().map(VerifyJson::tensors)))
                .with("adapter", optional(report.adapter().map(VerifyJson::adapter)))
                .with("logits", logits(report.logits()))
                .with("audit", optional(report.audit().map(audit -> JsonValue.of(audit.worstWord()))))
                .with("tie", optional(report.audit().map(audit -> JsonValue.of(audit.verdict()))));
    }

    private static JsonValue optional(Optional<? extends JsonValue> value) {
        return value.<JsonValue>map(each -> each).orElse(JsonValue.absent());
    }

    private static JsonObject tensors(Tensors tensors) {
        return JsonObject.of()
                .with("unchanged", tensors.unchanged())
                .with("changed", tensors.changed())
                .with("changed_experts", tensors.changedExperts())
                .with("converted", tensors.converted())
                .with("missing", JsonArray.ofStrings(tensors.missing()))
                .with("added", JsonArray.ofStrings(tensors.added()))
                .with("reshaped", JsonArray.ofStrings(tensors.reshaped()))
                .with("unexpected", JsonArray.ofStrings(tensors.unexpected()));
    }

    private static JsonObject adapter(AdapterChangesCount adapter) {
        return JsonObject.of()
                .with("modules", adapter.modules())
                .with("expert_deltas", adapter.expertDeltas())
                .with("zero_expert_deltas", adapter.zeroExpertDeltas())
                .with("trained_values", adapter.trainedValues());
    }

    private static JsonObject logits(LogitsChange logits) {
        return JsonObject.of()
                .with("tokens", logits.tokens())
                .with("effect", logits.effect())
                .with("kl_divergence", logits.divergence())
                .with("difference_from_adapter", optional(logits.fromAdapter().map(JsonValue::of)))
                .with(
                        "kl_divergence_from_adapter",
                        optional(logits.divergenceFromAdapter().map(JsonValue::of)));
    }
}
