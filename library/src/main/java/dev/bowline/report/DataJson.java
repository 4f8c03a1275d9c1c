package dev.bowline.report;

import dev.bowline.Remedy;
import dev.bowline.data.check.DataFinding;
import dev.bowline.data.check.EpochData;
import dev.bowline.data.check.Lengths;
import dev.bowline.data.check.SectionData;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.train.RecipeDataCheck;
import java.util.function.Function;

/// The data of a recipe for programs.
public final class DataJson implements JsonRenderer<RecipeDataCheck> {

    private final Function<Remedy, String> spelling;

    /// @param spelling of the operations in fixes
    public DataJson(Function<Remedy, String> spelling) {
        this.spelling = spelling;
    }

    @Override
    public JsonObject json(RecipeDataCheck check) {
        return JsonObject.of()
                .with("recipe", check.recipe().toString())
                .with(
                        "worst",
                        check.worst()
                                .<JsonValue>map(worst -> JsonValue.of(lower(worst.name())))
                                .orElseGet(JsonValue::absent))
                .with(
                        "sections",
                        JsonValue.of(
                                check.sections().stream().map(DataJson::section).toList()))
                .with("epoch", check.epoch().<JsonValue>map(DataJson::epoch).orElseGet(JsonValue::absent))
                .with(
                        "findings",
                        JsonValue.of(
                                check.findings().stream().map(this::finding).toList()))
                .with(
                        "examples",
                        JsonValue.of(check.examples().stream()
                                .map(new ExampleJson()::json)
                                .toList()));
    }

    private static String lower(String name) {
        return name.toLowerCase(java.util.Locale.ROOT);
    }

    private static JsonObject section(SectionData data) {
        return JsonObject.of()
                .with("section", data.section())
                .with("rows", data.rows())
                .with("refused", data.refused())
                .with("examples", data.examples().size())
                .with("left_out", data.leftOut())
                .with("cut", data.cut())
                .with("tokens", data.tokens())
                .with("trained_tokens", data.trainedTokens())
                .with(
                        "lengths",
                        data.lengths().<JsonValue>map(DataJson::lengths).orElseGet(JsonValue::absent));
    }

    private static JsonObject lengths(Lengths lengths) {
        return JsonObject.of()
                .with("shortest", lengths.shortest())
                .with("median", lengths.median())
                .with("percentile_95", lengths.percentile95())
                .with("longest", lengths.longest())
                .with(
                        "bins",
                        JsonValue.of(lengths.bins().stream()
                                .map(bin -> JsonObject.of()
                                        .with("from", bin.from())
                                        .with("to", bin.to())
                                        .with("examples", bin.examples()))
                                .toList()));
    }

    private static JsonObject epoch(EpochData epoch) {
        return JsonObject.of()
                .with("rows", epoch.rows())
                .with("steps", epoch.steps())
                .with("tokens", epoch.tokens())
                .with("trained_tokens", epoch.trainedTokens())
                .with("positions", epoch.positions())
                .with("efficiency", epoch.efficiency())
                .with("efficiency_if_packed", epoch.efficiencyIfPacked());
    }

    private JsonObject finding(DataFinding finding) {
        return JsonObject.of()
                .with("code", finding.code().id())
                .with("title", finding.code().title())
                .with("severity", lower(finding.severity().name()))
                .with("section", finding.section())
                .with("count", finding.count())
                .with("what", finding.what())
                .with(
                        "places",
                        JsonValue.of(finding.places().stream()
                                .map(place -> JsonObject.of()
                                        .with("origin", place.origin())
                                        .with("detail", place.detail()))
                                .toList()))
                .with("fix", finding.fix().text(spelling));
    }
}
