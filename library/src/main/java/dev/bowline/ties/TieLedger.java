package dev.bowline.ties;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Every tie of a model, in the load report, the save report and the checkpoint.
public record TieLedger(List<TieGroup> groups) {

    /// The ledger's file beside a checkpoint.
    public static final String FILE_NAME = "bowline_ties.json";

    public TieLedger {
        groups = List.copyOf(groups);
    }

    /// What the model's slots say now, by identity and not by flag.
    ///
    /// @param hashAtLoad of the input embedding's bytes as read, if it was loaded
    public static TieLedger of(TiedHead model, Optional<String> hashAtLoad) {
        boolean one = TiedWeights.isOne(model.lmHead(), model.inputEmbedding());
        List<String> aliases = new ArrayList<>();
        if (one) {
            aliases.add(model.lmHead().path());
        }
        return new TieLedger(List.of(new TieGroup(
                "lm_head", model.inputEmbedding().path(), aliases, model.tieFlag(), hashAtLoad, Optional.empty())));
    }
}
