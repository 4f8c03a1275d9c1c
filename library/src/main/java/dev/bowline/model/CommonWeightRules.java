package dev.bowline.model;

import dev.bowline.statedict.WeightRule;
import dev.bowline.statedict.WeightRule.BaseModel;
import dev.bowline.statedict.WeightRule.Ignore;
import java.util.ArrayList;
import java.util.List;

/// The differences between a checkpoint's keys and a model's slots that transformers accepts for every family.
final class CommonWeightRules {

    private static final String COMPUTED = "computed from config.json";

    /// Frequencies of the rotation, wherever a release of transformers kept them, and the base class's names.
    private static final List<WeightRule> RULES =
            List.of(new Ignore("{rest}inv_freq", COMPUTED), new Ignore("inv_freq", COMPUTED), new BaseModel("model."));

    private CommonWeightRules() {}

    /// The rules of a family, then those of all.
    public static List<WeightRule> after(List<WeightRule> family) {
        List<WeightRule> rules = new ArrayList<>(family);
        rules.addAll(RULES);
        return List.copyOf(rules);
    }
}
