package dev.bowline.model.mistral;

import dev.bowline.LocatedException;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.Architecture;
import dev.bowline.model.CommonWeightRules;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Linear;
import dev.bowline.nn.PositionScale;
import dev.bowline.ties.TieFlag;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The Mistral classes, with the defaults of transformers' `MistralConfig` and `Ministral3Config`. Ministral 3
/// 3B is published tied, the others are not.
public final class MistralFamily {

    private static final String BETA = "llama_4_scaling_beta";
    private static final String ORIGINAL = "original_max_position_embeddings";

    private static final Architecture MISTRAL =
            Architecture.of("MistralForCausalLM", "mistral", TieFlag.ClassDefault.UNTIED, MistralFamily::mistral);

    /// YaRN, and queries that grow with their position.
    private static final Architecture MINISTRAL_3 = Architecture.of(
            "Ministral3ForCausalLM", "ministral3", TieFlag.ClassDefault.UNTIED, MistralFamily::ministral3);

    /// Text, with a vision tower that is passed through. `text_config` describes one of the two above. The top
    /// level's tie flag decides; its default is true where the text level's is false.
    private static final Architecture MISTRAL_3 = Architecture.of(
                    "Mistral3ForConditionalGeneration", "mistral3", TieFlag.ClassDefault.TIED, MistralFamily::text)
            .at(Architecture.Level.REQUIRED_TEXT_CONFIG)
            .with(CommonWeightRules.VISION_LANGUAGE);

    public static final List<Architecture> ARCHITECTURES = List.of(MISTRAL, MINISTRAL_3, MISTRAL_3);

    private MistralFamily() {}

    private static DecoderConfig mistral(ConfigReader keys) {
        DecoderConfig.Size size = keys.size(32_000, 4096, 131_072, 1e-6, OptionalLong.empty());
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.of(8), OptionalInt.empty(), size.hidden());
        AttentionConfig attention = AttentionConfig.of(heads)
                .with(keys.rope(10_000, heads, size))
                .within(keys.nullable("sliding_window", OptionalInt.of(4096)));
        return decoder(keys, size, attention, keys.layers(32));
    }

    private static DecoderConfig ministral3(ConfigReader keys) {
        if (!keys.hasRope()) {
            keys.assume("rope_parameters", assumedRope());
        }
        DecoderConfig.Size size = keys.size(131_072, 4096, 262_144, 1e-5, OptionalLong.of(11));
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.of(8), OptionalInt.of(128), size.hidden());
        RopeReader.Defaults rope =
                new RopeReader.Defaults(10_000, heads.width(), size.maxPositions()).alsoReading(BETA, ORIGINAL);
        AttentionConfig attention = AttentionConfig.of(heads)
                .with(keys.rope(rope))
                .with(positionScale(keys, size))
                .within(keys.nullable("sliding_window", OptionalInt.empty()));
        return decoder(keys, size, attention, keys.layers(34));
    }

    private static DecoderConfig text(ConfigReader keys) {
        String type = keys.string("model_type").orElse("mistral");
        return switch (type) {
            case "mistral" -> mistral(keys);
            case "ministral3" -> ministral3(keys);
            default ->
                throw new LocatedException(
                        keys.source(),
                        "%s: text_config has model_type '%s', which is not supported inside %s"
                                .formatted(keys.source(), type, "Mistral3ForConditionalGeneration"),
                        "use a checkpoint whose text model is 'mistral' or 'ministral3'");
        };
    }

    private static DecoderConfig decoder(
            ConfigReader keys, DecoderConfig.Size size, AttentionConfig attention, int layers) {
        keys.dropout("attention_dropout");
        keys.ignore("layer_types", "every layer has the window of sliding_window");
        return DecoderConfig.uniform(
                size,
                DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU)),
                layers,
                attention,
                keys.gated(14_336, Linear.Bias.NONE));
    }

    private static PositionScale positionScale(ConfigReader keys, DecoderConfig.Size size) {
        double beta = keys.ropeNumber(BETA)
                .orElseThrow(() -> new LocatedException(
                        keys.source(),
                        "%s: the rotation has no %s".formatted(keys.source(), BETA),
                        "use the checkpoint's original config.json"));
        int original = keys.optionalInteger(ORIGINAL)
                .orElse((int) keys.ropeNumber(ORIGINAL).orElse(size.maxPositions()));
        return new PositionScale(beta, original);
    }

    /// The rotation that the class assumes where config.json has none.
    private static JsonObject assumedRope() {
        Map<String, JsonValue> rope = new LinkedHashMap<>();
        rope.put("rope_type", JsonValue.of("yarn"));
        rope.put("rope_theta", JsonValue.of(1_000_000.0));
        rope.put("factor", JsonValue.of(16.0));
        rope.put(ORIGINAL, JsonValue.of(16_384));
        rope.put("mscale", JsonValue.of(1.0));
        rope.put("mscale_all_dim", JsonValue.of(1.0));
        rope.put(BETA, JsonValue.of(0.1));
        return JsonObject.of(rope);
    }
}
