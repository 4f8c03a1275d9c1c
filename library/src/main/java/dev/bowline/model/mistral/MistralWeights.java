package dev.bowline.model.mistral;

import dev.bowline.statedict.WeightRule;
import dev.bowline.statedict.WeightRule.PassThrough;
import dev.bowline.statedict.WeightRule.Rename;
import java.util.List;

/// Where Mistral 3 checkpoints differ from our slot names: most files put `model` below `language_model`, some
/// the other way round, as transformers does in memory.
final class MistralWeights {

    static final List<WeightRule> RULES = List.of(
            new Rename("language_model.model.{rest}", "model.language_model.{rest}"),
            new Rename("language_model.lm_head.weight", "lm_head.weight"),
            new PassThrough("vision_tower.{rest}", "vision tower"),
            new PassThrough("model.vision_tower.{rest}", "vision tower"),
            new PassThrough("multi_modal_projector.{rest}", "vision tower"),
            new PassThrough("model.multi_modal_projector.{rest}", "vision tower"));

    private MistralWeights() {}
}
