package dev.bowline.model.phi3;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;

/// The Phi-3 class Bowline builds.
public enum Phi3Architecture implements ModelFamily {
    CAUSAL_LM;

    @Override
    public String architectureName() {
        return "Phi3ForCausalLM";
    }

    @Override
    public String modelType() {
        return "phi3";
    }

    /// Phi-4-mini is tied, Phi-3 is not.
    @Override
    public TieSupport tieSupport() {
        return TieSupport.BOTH;
    }

    @Override
    public TieFlag.ClassDefault tieDefault() {
        return TieFlag.ClassDefault.UNTIED;
    }

    @Override
    public DecoderConfig read(JsonObject config, ConfigFindings findings) {
        return Phi3ConfigReader.read(config, findings);
    }
}
