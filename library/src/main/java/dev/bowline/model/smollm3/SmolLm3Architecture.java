package dev.bowline.model.smollm3;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;

/// The SmolLM3 class Bowline builds.
public enum SmolLm3Architecture implements ModelFamily {
    CAUSAL_LM;

    @Override
    public String architectureName() {
        return "SmolLM3ForCausalLM";
    }

    @Override
    public String modelType() {
        return "smollm3";
    }

    /// SmolLM3 3B is tied; a separate head is tested against transformers.
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
        return SmolLm3ConfigReader.read(config, findings);
    }
}
