package dev.bowline.model.mistral;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.statedict.WeightRule;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;

/// The Mistral classes Bowline builds.
public enum MistralArchitecture implements ModelFamily {
    CAUSAL_LM("MistralForCausalLM", "mistral", "model", TieFlag.ClassDefault.UNTIED),
    /// Yarn, and queries that grow with their position.
    MINISTRAL_3("Ministral3ForCausalLM", "ministral3", "model", TieFlag.ClassDefault.UNTIED),
    /// Text, and a vision tower beside it that is passed through. `text_config` describes one of the two above.
    /// The top level's tie flag decides; its default is true where the text level's is false.
    CONDITIONAL_GENERATION(
            "Mistral3ForConditionalGeneration", "mistral3", "model.language_model", TieFlag.ClassDefault.TIED);

    private final String architectureName;
    private final String modelType;
    private final String decoderPath;
    private final TieFlag.ClassDefault tieDefault;

    MistralArchitecture(
            String architectureName, String modelType, String decoderPath, TieFlag.ClassDefault tieDefault) {
        this.architectureName = architectureName;
        this.modelType = modelType;
        this.decoderPath = decoderPath;
        this.tieDefault = tieDefault;
    }

    @Override
    public String architectureName() {
        return architectureName;
    }

    @Override
    public String modelType() {
        return modelType;
    }

    @Override
    public String decoderPath() {
        return decoderPath;
    }

    /// Ministral 3 3B is tied, the others are not.
    @Override
    public TieSupport tieSupport() {
        return TieSupport.BOTH;
    }

    @Override
    public TieFlag.ClassDefault tieDefault() {
        return tieDefault;
    }

    @Override
    public DecoderConfig read(JsonObject config, ConfigFindings findings) {
        return switch (this) {
            case CAUSAL_LM -> MistralConfigReader.mistral(config, architectureName, findings);
            case MINISTRAL_3 -> MistralConfigReader.ministral3(config, architectureName, findings);
            case CONDITIONAL_GENERATION -> MistralConfigReader.text(config, architectureName, findings);
        };
    }

    @Override
    public List<WeightRule> weightRules(DecoderConfig config) {
        return switch (this) {
            case CAUSAL_LM, MINISTRAL_3 -> List.of();
            case CONDITIONAL_GENERATION -> MistralWeights.RULES;
        };
    }
}
