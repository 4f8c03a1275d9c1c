package dev.bowline.model.qwen3;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;

/// The Qwen3 class Bowline builds.
public enum Qwen3Architecture implements ModelFamily {
    CAUSAL_LM;

    @Override
    public String architectureName() {
        return "Qwen3ForCausalLM";
    }

    @Override
    public String modelType() {
        return "qwen3";
    }

    /// 0.6B, 1.7B and 4B are tied, the others are not.
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
        return Qwen3ConfigReader.read(config, findings);
    }
}
