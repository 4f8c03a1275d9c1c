package dev.bowline.model.baichuan2;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;

/// The Baichuan class Bowline builds. The hub's files come with code of their own, which is never run.
public enum Baichuan2Architecture implements ModelFamily {
    CAUSAL_LM;

    @Override
    public String architectureName() {
        return "BaichuanForCausalLM";
    }

    @Override
    public String modelType() {
        return "baichuan";
    }

    /// The head divides its rows by their length and the lookup does not, so one value cannot be both.
    @Override
    public TieSupport tieSupport() {
        return TieSupport.UNTIED_ONLY;
    }

    @Override
    public TieFlag.ClassDefault tieDefault() {
        return TieFlag.ClassDefault.UNTIED;
    }

    @Override
    public DecoderConfig read(JsonObject config, ConfigFindings findings) {
        return Baichuan2ConfigReader.read(config, findings);
    }
}
