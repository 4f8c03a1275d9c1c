package dev.bowline.model.gemma4;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.FeatureKeys;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.statedict.WeightRule;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;
import java.util.Set;

/// The two Gemma 4 classes Bowline builds.
public enum Gemma4Architecture implements ModelFamily {
    /// Text, with vision and audio towers that are passed through: the decoder is `model.language_model`, its
    /// config is `text_config`, and the tie flag is the top level's.
    CONDITIONAL_GENERATION("Gemma4ForConditionalGeneration", "Gemma4Model", "gemma4", "model.language_model"),
    /// Text only: the decoder is `model` and its config is config.json itself.
    CAUSAL_LM("Gemma4ForCausalLM", "Gemma4TextModel", "gemma4_text", "model");

    private final String architectureName;
    private final String baseName;
    private final String modelType;
    private final String decoderPath;

    Gemma4Architecture(String architectureName, String baseName, String modelType, String decoderPath) {
        this.architectureName = architectureName;
        this.baseName = baseName;
        this.modelType = modelType;
        this.decoderPath = decoderPath;
    }

    @Override
    public String architectureName() {
        return architectureName;
    }

    @Override
    public String baseName() {
        return baseName;
    }

    @Override
    public String modelType() {
        return modelType;
    }

    @Override
    public String decoderPath() {
        return decoderPath;
    }

    /// Both heads are trained and tested against the reference.
    @Override
    public TieSupport tieSupport() {
        return TieSupport.BOTH;
    }

    @Override
    public TieFlag.ClassDefault tieDefault() {
        return TieFlag.ClassDefault.TIED;
    }

    @Override
    public DecoderConfig read(JsonObject config, ConfigFindings findings) {
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

    @Override
    public List<WeightRule> weightRules(DecoderConfig config) {
        return Gemma4Weights.rules(decoderPath, config);
    }
}
