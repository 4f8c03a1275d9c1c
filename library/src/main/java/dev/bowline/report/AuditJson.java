package dev.bowline.report;

import dev.bowline.Remedy;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.SinceBase;
import dev.bowline.audit.evidence.TiePair;
import dev.bowline.audit.findings.AdapterMerge;
import dev.bowline.audit.findings.Evidence;
import dev.bowline.audit.findings.Finding;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonLocation;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/// Audits for programs, as docs/audit.schema.json describes them.
public final class AuditJson implements JsonRenderer<List<AuditOutcome>> {

    private static final int VERSION = 1;

    private final Function<Remedy, String> spelling;

    /// @param spelling of the operations in fixes
    public AuditJson(Function<Remedy, String> spelling) {
        this.spelling = spelling;
    }

    @Override
    public JsonObject json(List<AuditOutcome> outcomes) {
        List<JsonObject> audits = new ArrayList<>();
        for (AuditOutcome outcome : outcomes) {
            audits.add(
                    switch (outcome) {
                        case AuditOutcome.Unreadable unreadable ->
                            JsonObject.of()
                                    .with("path", unreadable.path().toString())
                                    .with("readable", false)
                                    .with("problem", unreadable.problem())
                                    .with("fix", unreadable.fix().text(spelling));
                        case AuditOutcome.Audited audited -> json(audited.audit());
                    });
        }
        return JsonObject.of().with("schema_version", VERSION).with("audits", JsonValue.of(audits));
    }

    JsonObject json(TieAudit audit) {
        JsonObject object = alone(audit);
        if (audit.sinceBase().isPresent()) {
            SinceBase moved = audit.sinceBase().get();
            object = object.with(
                    "since_base",
                    JsonObject.of()
                            .with("base", moved.base().toString())
                            .with("head", moved.head().name().toLowerCase(Locale.ROOT))
                            .with("embedding", moved.embedding().name().toLowerCase(Locale.ROOT)));
        }
        return audit.merge().isEmpty()
                ? object
                : object.with(
                        "merge",
                        JsonObject.of()
                                .with("adapter", audit.merge().get().adapter().toString())
                                .with("effect", audit.merge().get().effect())
                                .with("readers", readers(audit.merge().get())));
    }

    private static JsonArray readers(AdapterMerge merge) {
        return JsonValue.of(merge.readers().stream()
                .map(view -> (JsonValue) JsonObject.of()
                        .with("reader", view.reader().name().toLowerCase(Locale.ROOT))
                        .with("outcome", view.outcome().name().toLowerCase(Locale.ROOT))
                        .with("why", view.why()))
                .toList());
    }

    /// Without what it was compared with.
    private JsonObject alone(TieAudit audit) {
        return JsonObject.of()
                .with("path", audit.path().toString())
                .with("readable", true)
                .with("architecture", optional(audit.architecture().map(JsonValue::of)))
                .with("verdict", audit.verdict())
                .with("worst", audit.worstWord())
                .with(
                        "flags",
                        JsonValue.of(audit.flags().stream().map(AuditJson::flag).toList()))
                .with("pair", pair(audit.pair()))
                .with("state", state(audit.state()))
                .with(
                        "consumers",
                        JsonValue.of(
                                audit.consumers().stream().map(AuditJson::view).toList()))
                .with(
                        "findings",
                        JsonValue.of(
                                audit.findings().stream().map(this::finding).toList()));
    }

    private static JsonObject flag(FlagAt flag) {
        return JsonObject.of()
                .with("level", flag.level())
                .with("value", optional(flag.value().map(JsonValue::of)));
    }

    private static JsonObject pair(TiePair pair) {
        return JsonObject.of()
                .with("has_head", pair.hasHead())
                .with("head", tensor(pair.headKey(), pair.head()))
                .with("embedding", tensor(pair.embeddingKey(), pair.embedding()))
                .with("auxiliary", JsonArray.ofStrings(pair.auxiliary()))
                .with("reason", pair.reason());
    }

    private static JsonObject tensor(String key, Optional<PlacedTensor> tensor) {
        JsonObject object = JsonObject.of().with("key", key).with("present", tensor.isPresent());
        return tensor.map(
                        found -> object.with("file", String.valueOf(found.file().getFileName()))
                                .with("dtype", found.entry().type().name())
                                .with("shape", JsonArray.ofLongs(found.entry().shape())))
                .orElse(object);
    }

    private static JsonObject state(PhysicalState state) {
        JsonObject object = JsonObject.of().with("kind", state.kind().name().toLowerCase(Locale.ROOT));
        if (state.difference().isPresent()) {
            PhysicalState.Difference difference = state.difference().get();
            object = object.with("rows", difference.rows())
                    .with("rows_differing", difference.differing())
                    .with("first_row", difference.firstRow());
            if (Double.isFinite(difference.largest())) {
                object = object.with("largest_difference", difference.largest());
            }
        }
        return object;
    }

    private static JsonObject view(ConsumerView view) {
        return JsonObject.of()
                .with("consumer", view.consumer().id())
                .with("outcome", view.outcome().name().toLowerCase(Locale.ROOT))
                .with("head_from", view.head().toString())
                .with("embedding_from", view.embedding().toString())
                .with("silently_wrong", view.isSilentlyWrong())
                .with("why", view.why());
    }

    private JsonObject finding(Finding finding) {
        JsonObject evidence = JsonObject.of();
        for (Evidence each : finding.evidence()) {
            evidence = evidence.with(each.name(), each.value());
        }
        return JsonObject.of()
                .with("code", finding.code().id())
                .with("title", finding.code().title())
                .with("severity", finding.severity().name().toLowerCase(Locale.ROOT))
                .with("what", finding.what())
                .with("evidence", evidence)
                .with("fix", finding.fix().text(spelling));
    }

    static JsonValue optional(Optional<? extends JsonValue> value) {
        return value.isPresent() ? value.get() : new JsonNull(JsonLocation.built());
    }
}
