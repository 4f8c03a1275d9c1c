package dev.bowline.model.qwen2;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;

/// The Qwen2 class Bowline builds.
public enum Qwen2Architecture implements ModelFamily {
    CAUSAL_LM;

    @Override
    public String architectureName() {
        return "Qwen2ForCausalLM";
    }

    @Override
    public String modelType() {
        return "qwen2";
    }

    /// 0.5B, 1.5B and 3B are tied, the others are not.
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
        return Qwen2ConfigReader.read(config, findings);
    }
}
