package dev.bowline.model.llama;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;

/// The Llama class Bowline builds.
public enum LlamaArchitecture implements ModelFamily {
    CAUSAL_LM;

    @Override
    public String architectureName() {
        return "LlamaForCausalLM";
    }

    @Override
    public String modelType() {
        return "llama";
    }

    /// Llama 3.2 1B and 3B are tied, the others are not.
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
        return LlamaConfigReader.read(config, findings);
    }
}
