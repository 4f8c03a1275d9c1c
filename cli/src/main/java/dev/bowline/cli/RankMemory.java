package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.memory.MemoryReport;
import dev.bowline.report.Quantity;
import dev.bowline.train.RecipeRanks;
import java.util.Optional;

/// The memory of the ranks of one machine together. Every rank measures it before a rank loads weights.
final class RankMemory {

    private RankMemory() {}

    /// The refusal of ranks that do not fit, each of which may fit alone.
    ///
    /// @param memory of the same run without ranks
    static Optional<BowlineException> refusal(MemoryReport memory, RecipeRanks ranks) {
        long each = ranks.neededBytes(memory);
        long available = memory.available().bytes();
        if (each <= available / ranks.onMachine()) {
            return Optional.empty();
        }
        return Optional.of(new BowlineException(
                "%s of this machine need about %s each, and there are %s for all (%s)"
                        .formatted(
                                Quantity.count(ranks.onMachine(), "rank"),
                                Quantity.bytes(each),
                                Quantity.bytes(available),
                                memory.available().source()),
                "start fewer ranks on this machine, divide more with distributed.strategy, or add"
                        + " --ignore-memory-estimate to try it unchanged"));
    }
}
