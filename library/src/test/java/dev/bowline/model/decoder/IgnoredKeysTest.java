package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Families;
import dev.bowline.catalog.MeasuredTies;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.Architecture;
import dev.bowline.model.Dropout;
import dev.bowline.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A key of config.json is refused only where ignoring it would change a number: a key that transformers' class
/// ignores is noted, and a key that it uses is used or refused.
///
/// tools/measure_ignored_keys.py measured each key in transformers 5.18.0.
class IgnoredKeysTest {

    private static final JsonObject RECORD = Json.parse(Golden.directory("", "").resolve("family_ignored_keys.json"))
            .asObject()
            .requireObject("classes");

    /// Keys of which a note would say nothing: each is read by the family and has no effect in the fixture, or
    /// is no feature.
    private static final Set<String> QUIET = Set.of(
            "attention_bias",
            "mlp_bias",
            "use_qk_norm",
            "router_z_loss_coef",
            "pretraining_tp",
            "per_layer_config",
            "max_window_layers",
            "no_rope_layer_interval",
            "original_max_position_embeddings",
            "rope_theta",
            "hidden_act");

    /// As [#QUIET], inside the rotation's object.
    private static final Set<String> QUIET_IN_ROTATION = Set.of(
            "max_position_embeddings",
            "original_max_position_embeddings",
            "beta_fast",
            "beta_slow",
            "mscale",
            "mscale_all_dim",
            "truncate");

    /// A model without values.
    ///
    /// @param config what its forward pass depends on
    private record Built(Object config, List<String> notes, List<Dropout> dropouts) {}

    static List<String> classes() {
        return RECORD.keys().stream().sorted().toList();
    }

    @Test
    void everyClassThatTransformersHasIsMeasured() {
        assertEquals(
                Families.all().stream()
                        .map(Architecture::name)
                        .filter(MeasuredTies::inTransformers)
                        .collect(Collectors.toCollection(TreeSet::new)),
                new TreeSet<>(RECORD.keys()));
    }

    @ParameterizedTest
    @MethodSource("classes")
    void aKeyIsUsedOrRefusedOrNotedAsTransformersTreatsIt(String name) {
        JsonObject measured = RECORD.requireObject(name);
        JsonObject keys = measured.requireObject("keys");
        JsonObject config = config(measured);
        List<String> wrong = new ArrayList<>();

        for (String key : keys.keys()) {
            JsonObject tried = keys.requireObject(key);
            JsonObject changed = withText(config, text(config).with(key, tried.require("value")));
            if (isPassedOver(name, key)) {
                continue;
            }
            Set<String> quiet = text(config).has("use_sliding_window")
                    ? with(QUIET, "sliding_window", "use_sliding_window")
                    : QUIET;
            wrong.addAll(
                    judged(key, tried.requireString("outcome"), build(config).orElseThrow(), build(changed), quiet));
        }

        assertEquals(List.of(), wrong);
    }

    @ParameterizedTest
    @MethodSource("classes")
    void aKeyOfTheRotationIsUsedOrRefusedOrNotedAsTransformersTreatsIt(String name) {
        JsonObject measured = RECORD.requireObject(name);
        JsonObject rotations = measured.requireObject("rotations");
        JsonObject config = config(measured);
        List<String> wrong = new ArrayList<>();

        for (String type : rotations.keys()) {
            if (!(rotations.require(type) instanceof JsonObject rotation)) {
                continue;
            }
            JsonObject base = rotation.requireObject("base");
            Optional<Built> before = build(rotated(config, base));
            for (String key :
                    before.isPresent() ? rotation.requireObject("keys").keys() : Set.<String>of()) {
                JsonObject tried = rotation.requireObject("keys").requireObject(key);
                Optional<Built> after = build(rotated(config, base.with(key, tried.require("value"))));
                judged(key, tried.requireString("outcome"), before.orElseThrow(), after, QUIET_IN_ROTATION)
                        .forEach(problem -> wrong.add(type + ": " + problem));
            }
        }

        assertEquals(List.of(), wrong);
    }

    /// Gemma 2 attends in both directions in one of transformers' implementations of attention and not in the
    /// one that was measured. Phi-3's fixture has the part that turns in the rotation's object, which comes
    /// first.
    private static boolean isPassedOver(String name, String key) {
        return name.equals("Gemma2ForCausalLM") && key.equals("use_bidirectional_attention")
                || name.equals("Phi3ForCausalLM") && key.equals("partial_rotary_factor");
    }

    private static Set<String> with(Set<String> some, String... more) {
        Set<String> all = new TreeSet<>(some);
        all.addAll(List.of(more));
        return all;
    }

    private static List<String> judged(
            String key, String outcome, Built before, Optional<Built> after, Set<String> quiet) {
        boolean changes = after.isEmpty() || !after.get().config().equals(before.config());
        boolean isNoted =
                after.stream().flatMap(built -> built.notes().stream()).anyMatch(note -> note.startsWith(key + " "));
        boolean drops = after.stream()
                .flatMap(built -> built.dropouts().stream())
                .anyMatch(dropout -> dropout.key().equals(key));
        boolean right = switch (outcome) {
            case "ignored" -> after.isPresent() && !drops && (isNoted || changes || quiet.contains(key));
            case "training" -> drops;
            case "used" -> changes;
            case "refused" -> true;
            default -> throw new IllegalArgumentException(outcome);
        };
        return right
                ? List.of()
                : List.of("%s is %s, %s, %s"
                        .formatted(
                                key,
                                outcome,
                                after.isEmpty() ? "refused" : changes ? "changes" : "same",
                                isNoted ? "noted" : "not noted"));
    }

    private static Optional<Built> build(JsonObject config) {
        try (LanguageModel model = AutoModel.fromConfig(config)) {
            return Optional.of(new Built(model.decoder().config(), model.notes(), model.dropouts()));
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }

    private static JsonObject rotated(JsonObject config, JsonObject rotation) {
        JsonObject text = text(config);
        JsonObject plain = text.without("rope_scaling").without("rope_theta");
        Optional<JsonObject> types = text.optionalObject("rope_parameters").filter(all -> all.has("full_attention"));
        JsonValue written = types.isPresent() ? types.get().with("full_attention", rotation) : rotation;
        return withText(config, plain.with("rope_parameters", written));
    }

    private static JsonObject config(JsonObject measured) {
        return Json.parse(
                        Golden.directory(measured.requireString("fixture"), "").resolve("config.json"))
                .asObject();
    }

    private static JsonObject text(JsonObject config) {
        return config.optionalObject("text_config").orElse(config);
    }

    private static JsonObject withText(JsonObject config, JsonObject text) {
        return config.has("text_config") ? config.with("text_config", text) : text;
    }
}
