package dev.bowline.model.mistral;

import dev.bowline.LocatedException;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Linear;
import dev.bowline.nn.PositionScale;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads the config.json of the Mistral classes: defaults as transformers' `MistralConfig` and
/// `Ministral3Config`.
final class MistralConfigReader {

    private static final String BETA = "llama_4_scaling_beta";
    private static final String ORIGINAL = "original_max_position_embeddings";

    private MistralConfigReader() {}

    static DecoderConfig mistral(JsonObject config, String architecture, ConfigFindings findings) {
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 32_000),
                keys.integer("hidden_size", 4096),
                keys.integer("max_position_embeddings", 131_072),
                keys.number("rms_norm_eps", 1e-6),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.empty()));
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.of(8), OptionalInt.empty(), size.hidden());
        AttentionConfig attention = AttentionConfig.of(heads)
                .with(keys.rope(new RopeReader.Defaults(10_000, heads.width(), size.maxPositions())))
                .within(keys.nullable("sliding_window", OptionalInt.of(4096)));
        return decoder(keys, size, attention, keys.layers(32), architecture);
    }

    static DecoderConfig ministral3(JsonObject written, String architecture, ConfigFindings findings) {
        JsonObject config = withRope(written);
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 131_072),
                keys.integer("hidden_size", 4096),
                keys.integer("max_position_embeddings", 262_144),
                keys.number("rms_norm_eps", 1e-5),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.of(11)));
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.of(8), OptionalInt.of(128), size.hidden());
        RopeReader.Defaults defaults =
                new RopeReader.Defaults(10_000, heads.width(), size.maxPositions()).alsoReading(BETA, ORIGINAL);
        AttentionConfig attention = AttentionConfig.of(heads)
                .with(keys.rope(defaults))
                .with(positionScale(keys, config))
                .within(keys.nullable("sliding_window", OptionalInt.empty()));
        return decoder(keys, size, attention, keys.layers(34), architecture);
    }

    /// The text half of a vision-language model.
    static DecoderConfig text(JsonObject config, String architecture, ConfigFindings findings) {
        new ConfigReader(config, findings).settleWhatWasNotRead(architecture);
        JsonObject text = config.requireObject("text_config");
        String type = text.optionalString("model_type").orElse("mistral");
        return switch (type) {
            case "mistral" -> mistral(text, architecture, findings);
            case "ministral3" -> ministral3(text, architecture, findings);
            default ->
                throw new LocatedException(
                        config.location().source(),
                        "%s: text_config has model_type '%s', which is not supported inside %s"
                                .formatted(config.location().source(), type, architecture),
                        "use a checkpoint whose text model is 'mistral' or 'ministral3'");
        };
    }

    private static DecoderConfig decoder(
            ConfigReader keys, DecoderConfig.Size size, AttentionConfig attention, int layers, String architecture) {
        FeedForwardConfig feedForward =
                new FeedForwardConfig.Gated(keys.integer("intermediate_size", 14_336), Linear.Bias.NONE);
        DecoderConfig.Style style = DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU));
        keys.dropout("attention_dropout");
        keys.ignore("layer_types", "every layer has the window of sliding_window");
        keys.settleWhatWasNotRead(architecture);
        return new DecoderConfig(size, style, Collections.nCopies(layers, new LayerConfig(attention, feedForward)));
    }

    private static PositionScale positionScale(ConfigReader keys, JsonObject config) {
        double beta = keys.ropeNumber(BETA)
                .orElseThrow(() -> new LocatedException(
                        config.location().source(),
                        "%s: the rotation has no %s".formatted(config.location().source(), BETA),
                        "use the checkpoint's original config.json"));
        int otherwise = config.optionalInt("max_position_embeddings").orElse(262_144);
        int original = config.optionalInt(ORIGINAL)
                .orElse((int) keys.ropeNumber(ORIGINAL).orElse(otherwise));
        return new PositionScale(beta, original);
    }

    /// With the rotation that the class assumes where config.json has none.
    private static JsonObject withRope(JsonObject config) {
        boolean says = config.optionalObject("rope_parameters").isPresent()
                || config.optionalObject("rope_scaling").isPresent();
        if (says) {
            return config;
        }
        Map<String, JsonValue> rope = new LinkedHashMap<>();
        rope.put("rope_type", JsonValue.of("yarn"));
        rope.put("rope_theta", JsonValue.of(1_000_000.0));
        rope.put("factor", JsonValue.of(16.0));
        rope.put(ORIGINAL, JsonValue.of(16_384));
        rope.put("mscale", JsonValue.of(1.0));
        rope.put("mscale_all_dim", JsonValue.of(1.0));
        rope.put(BETA, JsonValue.of(0.1));
        return config.with("rope_parameters", JsonObject.of(rope));
    }
}
