package dev.bowline.model.qwen3moe;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.statedict.WeightRule;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;

/// The Qwen3-MoE class Bowline builds.
public enum Qwen3MoeArchitecture implements ModelFamily {
    CAUSAL_LM;

    @Override
    public String architectureName() {
        return "Qwen3MoeForCausalLM";
    }

    @Override
    public String modelType() {
        return "qwen3_moe";
    }

    /// Published with a separate head; a tied one is tested against transformers.
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
        return Qwen3MoeConfigReader.read(config, findings);
    }

    /// Files have a tensor per expert; the model has one for all, with gate above up.
    @Override
    public List<WeightRule> weightRules(DecoderConfig config) {
        String experts = "model.layers.{}.mlp.experts.";
        return List.of(
                new WeightRule.Stack(
                        List.of(experts + "{}.gate_proj.weight", experts + "{}.up_proj.weight"),
                        experts + "gate_up_proj"),
                new WeightRule.Stack(List.of(experts + "{}.down_proj.weight"), experts + "down_proj"));
    }
}
