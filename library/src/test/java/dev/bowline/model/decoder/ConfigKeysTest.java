package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Families;
import dev.bowline.catalog.MeasuredTies;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.Architecture;
import dev.bowline.model.Dropout;
import dev.bowline.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every key that transformers' config class of an architecture has is honoured, refused or noted: another
/// value makes another decoder, an error or a note, in one of its fixtures at least. Only keys that say nothing
/// about what the text model computes are passed over.
///
/// The keys are those that tools/record_config_keys.py found.
class ConfigKeysTest {

    private static final JsonObject RECORD = Json.parse(Golden.directory("", "").resolve("family_config_keys.json"))
            .asObject()
            .requireObject("classes");

    /// Keys of every class that name, describe, or say how a caller wants the output.
    private static final Set<String> OF_EVERY_CLASS = Set.of(
            "_name_or_path",
            "architectures",
            "model_type",
            "transformers_version",
            "dtype",
            "return_dict",
            "output_attentions",
            "output_hidden_states",
            "use_cache",
            "problem_type",
            "id2label",
            "label2id",
            "bos_token_id",
            "eos_token_id",
            "is_encoder_decoder",
            // Read by no class of these families.
            "chunk_size_feed_forward",
            "pretraining_tp",
            "_sliding_window_pattern",
            // Weighs what output_router_logits asks for, which is refused.
            "router_aux_loss_coef",
            // Read by TieFlag: TiePolicyTest.
            "tie_word_embeddings");

    /// Keys of the level above the text: they place an image in it, or describe the tower that is passed through.
    private static final Set<String> OF_THE_IMAGE = Set.of(
            "image_token_id",
            "image_token_index",
            "boi_token_id",
            "boi_token_index",
            "eoi_token_id",
            "eoi_token_index",
            "mm_tokens_per_image",
            "multimodal_projector_bias",
            "projector_hidden_act",
            "spatial_merge_size",
            "vision_feature_layer",
            "initializer_range");

    static List<String> classes() {
        return RECORD.keys().stream().sorted().toList();
    }

    @Test
    void everyClassThatTransformersHasIsRecorded() {
        Set<String> expected = Families.all().stream()
                .map(Architecture::name)
                .filter(name -> !name.startsWith("Gemma4") && MeasuredTies.inTransformers(name))
                .collect(Collectors.toCollection(TreeSet::new));

        assertEquals(expected, new TreeSet<>(RECORD.keys()));
    }

    @ParameterizedTest
    @MethodSource("classes")
    void everyKeyOfTheTextIsHonouredOrRefused(String name) {
        JsonObject recorded = RECORD.requireObject(name).requireObject("text");
        List<String> ignored = new ArrayList<>();
        for (String key : recorded.keys()) {
            if (!OF_EVERY_CLASS.contains(key)) {
                boolean changes = FamilyFixtures.all().stream()
                        .filter(fixture -> FamilyFixtures.facts(fixture)
                                .requireString("class")
                                .equals(name))
                        .anyMatch(fixture -> changesTheModel(fixture, key, recorded.require(key)));
                if (!changes) {
                    ignored.add(key);
                }
            }
        }

        assertEquals(List.of(), ignored, name + " ignores keys of config.json");
    }

    @ParameterizedTest
    @MethodSource("classes")
    void aboveTheTextThereIsOnlyTheImage(String name) {
        RECORD.requireObject(name)
                .optionalObject("top")
                .ifPresent(top -> assertEquals(
                        Set.of(),
                        top.keys().stream()
                                .filter(key -> !OF_EVERY_CLASS.contains(key) && !OF_THE_IMAGE.contains(key))
                                .collect(Collectors.toSet())));
    }

    @Test
    void aRotationForTheWholeModelIsRefusedWhereEachKindOfLayerHasItsOwn() {
        JsonObject flat = Json.parse("""
                        {"rope_type": "linear", "rope_theta": 10000.0, "factor": 8.0}""", "rope").asObject();

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> AutoModel.fromConfig(
                        FamilyFixtures.config("gemma3/text_tied").with("rope_parameters", flat)));

        assertTrue(refused.problem().contains("rope_parameters"), refused.problem());
        assertTrue(refused.problem().contains("each kind of layer"), refused.problem());
    }

    /// As the fixture, without what would hide the key.
    private static JsonObject prepared(JsonObject text, String key) {
        return switch (key) {
            case "max_window_layers" -> text.without("layer_types");
            case "no_rope_layer_interval" -> text.without("layer_types").without("no_rope_layers");
            case "num_experts" -> text.without("num_local_experts").with("num_experts", JsonValue.of(4));
            case "num_local_experts" -> text.without("num_experts").with("num_local_experts", JsonValue.of(4));
            case "use_sliding_window" ->
                text.has("moe_intermediate_size") ? text.with("sliding_window", JsonValue.of(8)) : text;
            case "sliding_window" -> text.has("use_sliding_window") ? text.with("use_sliding_window", true) : text;
            default -> text;
        };
    }

    private static JsonValue another(String key, JsonValue present) {
        return switch (key) {
            case "rope_parameters" ->
                present.asObject().has("full_attention")
                        ? present.asObject().without("full_attention")
                        : Json.parse("{\"rope_type\": \"linear\", \"rope_theta\": 5.0, \"factor\": 3.0}", "another");
            case "layer_types" -> first(present.asArray(), "\"full_attention\"", "\"sliding_attention\"");
            case "no_rope_layers" -> first(present.asArray(), "0", "1");
            case "mlp_only_layers" -> Json.parse("[0]", "another");
            case "hidden_act", "hidden_activation" -> Json.parse("\"relu\"", "another");
            case "num_key_value_heads" -> JsonValue.of(1);
            default ->
                switch (present) {
                    case JsonBoolean flag -> Json.parse(String.valueOf(!flag.asBoolean()), "another");
                    case JsonNumber number
                    when Json.compact(number).matches(".*[.eE].*") -> JsonValue.of(number.asDouble() * 1.5 + 0.1);
                    case JsonNumber number -> JsonValue.of(number.asInt() + 1);
                    case JsonNull _ -> Json.parse(key.startsWith("use_") ? "true" : "7", "another");
                    default -> throw new IllegalArgumentException(key + ": " + present);
                };
        };
    }

    /// The list with its first entry swapped for the other of two.
    private static JsonValue first(JsonArray list, String one, String other) {
        List<String> texts =
                new ArrayList<>(list.values().stream().map(Json::compact).toList());
        texts.set(0, texts.getFirst().equals(one) ? other : one);
        return Json.parse("[" + String.join(", ", texts) + "]", "another");
    }

    private static boolean changesTheModel(String fixture, String key, JsonValue standard) {
        JsonObject config = FamilyFixtures.config(fixture);
        JsonObject text = prepared(config.optionalObject("text_config").orElse(config), key);
        Declared before = declared(config, text);
        assertEquals(before, declared(config, text), fixture + ": equal configs must be equal");
        try {
            JsonValue present = text.get(key).orElse(standard);
            return !declared(config, text.with(key, another(key, present))).equals(before);
        } catch (BowlineException refused) {
            return true;
        }
    }

    /// @param dropouts what training would apply, which a run refuses
    /// @param notes the keys that are said to be ignored; [IgnoredKeysTest] compares them with transformers
    private record Declared(DecoderConfig decoder, List<Dropout> dropouts, List<String> notes) {}

    private static Declared declared(JsonObject config, JsonObject text) {
        JsonObject whole = config.has("text_config") ? config.with("text_config", text) : text;
        try (LanguageModel model = AutoModel.fromConfig(whole)) {
            return new Declared(model.decoder().config(), model.dropouts(), model.notes());
        }
    }
}
