package dev.bowline.model.gemma3;

import dev.bowline.statedict.WeightRule;
import dev.bowline.statedict.WeightRule.PassThrough;
import dev.bowline.statedict.WeightRule.Rename;
import java.util.List;

/// Where Gemma 3 checkpoints with a vision tower differ from our slot names: published files put `model` below
/// `language_model`, transformers the other way round.
final class Gemma3Weights {

    static final List<WeightRule> RULES = List.of(
            new Rename("language_model.model.{rest}", "model.language_model.{rest}"),
            new Rename("language_model.lm_head.weight", "lm_head.weight"),
            new PassThrough("vision_tower.{rest}", "vision tower"),
            new PassThrough("model.vision_tower.{rest}", "vision tower"),
            new PassThrough("multi_modal_projector.{rest}", "vision tower"),
            new PassThrough("model.multi_modal_projector.{rest}", "vision tower"));

    private Gemma3Weights() {}
}
