package dev.bowline.model.gemma3;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.statedict.WeightRule;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;

/// The Gemma 3 classes Bowline builds.
public enum Gemma3Architecture implements ModelFamily {
    CAUSAL_LM("Gemma3ForCausalLM", "gemma3_text", "model"),
    /// Text, and a vision tower beside it that is passed through; the top level's tie flag decides.
    CONDITIONAL_GENERATION("Gemma3ForConditionalGeneration", "gemma3", "model.language_model");

    private final String architectureName;
    private final String modelType;
    private final String decoderPath;

    Gemma3Architecture(String architectureName, String modelType, String decoderPath) {
        this.architectureName = architectureName;
        this.modelType = modelType;
        this.decoderPath = decoderPath;
    }

    @Override
    public String architectureName() {
        return architectureName;
    }

    @Override
    public String baseName() {
        return switch (this) {
            case CAUSAL_LM -> "Gemma3TextModel";
            case CONDITIONAL_GENERATION -> "Gemma3Model";
        };
    }

    @Override
    public String modelType() {
        return modelType;
    }

    @Override
    public String decoderPath() {
        return decoderPath;
    }

    /// Published tied; a separate head is tested against transformers.
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
        return switch (this) {
            case CAUSAL_LM -> Gemma3ConfigReader.read(config, this, findings);
            case CONDITIONAL_GENERATION -> Gemma3ConfigReader.text(config, this, findings);
        };
    }

    @Override
    public List<WeightRule> weightRules(DecoderConfig config) {
        return switch (this) {
            case CAUSAL_LM -> List.of();
            case CONDITIONAL_GENERATION -> Gemma3Weights.RULES;
        };
    }
}
