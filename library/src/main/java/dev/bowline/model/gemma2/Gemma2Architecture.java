package dev.bowline.model.gemma2;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;

/// The Gemma 2 class Bowline builds.
public enum Gemma2Architecture implements ModelFamily {
    CAUSAL_LM;

    @Override
    public String architectureName() {
        return "Gemma2ForCausalLM";
    }

    @Override
    public String modelType() {
        return "gemma2";
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
        return Gemma2ConfigReader.read(config, findings);
    }
}
