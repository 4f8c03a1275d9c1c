package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Mapping;
import java.util.List;
import java.util.Optional;

/// Numbers of AutoModel's optimizer and scheduler that Bowline has in another place or not at all.
final class AutoModelRates {

    private final Problems problems;
    private final Notes notes;

    AutoModelRates(Problems problems, Notes notes) {
        this.problems = problems;
        this.notes = notes;
    }

    /// AutoModel's scheduler can have a highest rate of its own; here it is the optimizer's.
    Mapping withoutMaxLr(Mapping walked) {
        List<String> path = List.of("lr_scheduler", "max_lr");
        Optional<YamlValue> max = walked.find(path);
        if (max.isEmpty()) {
            return walked;
        }
        Optional<Double> lr = walked.find(List.of("optimizer", "lr")).flatMap(AutoModelValues::number);
        if (lr.isPresent() && AutoModelValues.number(max.get()).equals(lr)) {
            notes.ignored(max.get().at(), "lr_scheduler.max_lr", "it is optimizer.lr");
        } else {
            problems.add(
                    max.get().at(),
                    "lr_scheduler.max_lr: the highest rate is optimizer.lr, and the two differ",
                    "write the highest rate as optimizer.lr, and give init_lr and min_lr as numbers");
        }
        return walked.without(path);
    }

    /// Adam without weight decay is AdamW without weight decay, and with it something else.
    void checkWeightDecay(AutoModelOptimizer optimizer, Mapping walked) {
        if (optimizer.coupling() == AutoModelOptimizer.Coupling.DECOUPLED) {
            return;
        }
        walked.find(List.of("optimizer", "weight_decay"))
                .filter(decay -> AutoModelValues.number(decay)
                        .filter(value -> value != 0)
                        .isPresent())
                .ifPresent(decay -> problems.add(
                        decay.at(),
                        "optimizer.weight_decay: weight decay on the gradient, as Adam has it, is not supported",
                        "write weight_decay: 0, or use torch.optim.AdamW"));
    }
}
