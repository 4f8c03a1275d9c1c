package dev.bowline.model.gemma4;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.decoder.FeatureKeys;
import dev.bowline.ties.TieSupport;
import java.util.List;
import java.util.Set;

/// The two Gemma 4 classes Bowline builds.
public enum Gemma4Architecture {
    /// Text, and perhaps towers beside it that are passed through: the decoder is `model.language_model`, its config is
    /// `text_config`, and the tie flag is the top level's.
    CONDITIONAL_GENERATION("Gemma4ForConditionalGeneration", "gemma4", "model.language_model"),
    /// Text only: the decoder is `model` and its config is config.json itself.
    CAUSAL_LM("Gemma4ForCausalLM", "gemma4_text", "model");

    private final String architectureName;
    private final String modelType;
    private final String decoderPath;

    Gemma4Architecture(String architectureName, String modelType, String decoderPath) {
        this.architectureName = architectureName;
        this.modelType = modelType;
        this.decoderPath = decoderPath;
    }

    /// As in `architectures` of config.json.
    public String architectureName() {
        return architectureName;
    }

    /// The base class, whose weights have no head; as in `architectures` of config.json.
    public String baseName() {
        return switch (this) {
            case CONDITIONAL_GENERATION -> "Gemma4Model";
            case CAUSAL_LM -> "Gemma4TextModel";
        };
    }

    /// As in `model_type` of config.json.
    public String modelType() {
        return modelType;
    }

    String decoderPath() {
        return decoderPath;
    }

    /// Both heads are trained and tested against the reference.
    public TieSupport tieSupport() {
        return TieSupport.BOTH;
    }

    /// @param findings takes the keys that are not used
    Gemma4Config textConfig(JsonObject config, ConfigFindings findings) {
        FeatureKeys.settle(config, Gemma4ConfigReader.FEATURES, Set.of(), architectureName, findings);
        return switch (this) {
            case CONDITIONAL_GENERATION -> {
                JsonObject text = config.optionalObject("text_config").orElse(JsonObject.of());
                FeatureKeys.settle(text, Gemma4ConfigReader.FEATURES, Set.of(), architectureName, findings);
                yield Gemma4ConfigReader.read(text, placeholders(config), findings);
            }
            case CAUSAL_LM -> Gemma4ConfigReader.read(config, List.of(), findings);
        };
    }

    private static List<Long> placeholders(JsonObject config) {
        return List.of(
                config.optionalLong("image_token_id").orElse(258_880),
                config.optionalLong("audio_token_id").orElse(258_881),
                config.optionalLong("video_token_id").orElse(258_884));
    }

    /// Builds the model without values: load a checkpoint into it, or initialise it.
    ///
    /// @param config the original config.json
    public Gemma4Model build(JsonObject config) {
        return new Gemma4Model(this, config);
    }
}
