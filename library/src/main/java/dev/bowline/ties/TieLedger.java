package dev.bowline.ties;

import java.util.List;

/// Every tie of a model, in the load report, the save report and the checkpoint.
public record TieLedger(List<TieGroup> groups) {

    /// The ledger's file in a checkpoint directory.
    public static final String FILE_NAME = "bowline_ties.json";

    public TieLedger {
        groups = List.copyOf(groups);
    }
}
