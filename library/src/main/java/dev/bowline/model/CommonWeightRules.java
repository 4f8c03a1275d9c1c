package dev.bowline.model;

import dev.bowline.statedict.WeightRule;
import dev.bowline.statedict.WeightRule.BaseModel;
import dev.bowline.statedict.WeightRule.Ignore;
import dev.bowline.statedict.WeightRule.PassThrough;
import dev.bowline.statedict.WeightRule.Rename;
import java.util.ArrayList;
import java.util.List;

/// The differences between a checkpoint's keys and a model's slots that transformers accepts for every family.
public final class CommonWeightRules {

    private static final String COMPUTED = "computed from config.json";

    /// Frequencies of the rotation, wherever a release of transformers kept them, and the base class's names.
    private static final List<WeightRule> RULES =
            List.of(new Ignore("{rest}inv_freq", COMPUTED), new Ignore("inv_freq", COMPUTED), new BaseModel("model."));

    /// A text model with a vision tower: published files put `model` below `language_model`, transformers the
    /// other way round. The tower is passed through.
    public static final List<WeightRule> VISION_LANGUAGE = List.of(
            new Rename("language_model.model.{rest}", "model.language_model.{rest}"),
            new Rename("language_model.lm_head.weight", "lm_head.weight"),
            new PassThrough("vision_tower.{rest}", "vision tower"),
            new PassThrough("model.vision_tower.{rest}", "vision tower"),
            new PassThrough("multi_modal_projector.{rest}", "vision tower"),
            new PassThrough("model.multi_modal_projector.{rest}", "vision tower"));

    private CommonWeightRules() {}

    /// The rules of a family, then those of all.
    public static List<WeightRule> after(List<WeightRule> family) {
        List<WeightRule> rules = new ArrayList<>(family);
        rules.addAll(RULES);
        return List.copyOf(rules);
    }
}
