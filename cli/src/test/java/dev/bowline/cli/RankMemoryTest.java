package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.memory.MemoryEstimate;
import dev.bowline.memory.MemoryReport;
import dev.bowline.platform.AvailableMemory;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.train.RecipeRanks;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Ranks that fit alone and not together are refused before one of them loads weights.
class RankMemoryTest {

    private static final long GIB = 1L << 30;

    /// A rank that needs 4 GiB, on a machine with 10 GiB.
    private static final MemoryReport MEMORY = new MemoryReport(
            new MemoryEstimate(List.of(), 4 * GIB, 0, 0, 0, 0, 0, 1, 64),
            new AvailableMemory(10 * GIB, "MemAvailable of /proc/meminfo"),
            List.of(),
            1);

    @Test
    void ranksThatFitTogetherAreAccepted() {
        assertTrue(RankMemory.refusal(MEMORY, ranks(2, 0, 0)).isEmpty());
        assertTrue(RankMemory.refusal(MEMORY, ranks(2, GIB, 0)).isEmpty());
    }

    @Test
    void theRefusalNamesTheNumberOfRanksAndBothAmounts() {
        String problem =
                RankMemory.refusal(MEMORY, ranks(3, GIB, 0)).orElseThrow().problem();

        assertEquals(
                "3 ranks of this machine need about 5.0 GiB each, and there are 10.0 GiB for all"
                        + " (MemAvailable of /proc/meminfo)",
                problem);
        assertTrue(RankMemory.refusal(MEMORY, ranks(2, 2 * GIB, 0)).isPresent());
    }

    /// Ranks that divide weights or states need less than a process alone.
    @Test
    void dividedValuesAreNotCounted() {
        assertTrue(RankMemory.refusal(MEMORY, ranks(4, GIB, 3 * GIB)).isEmpty());
        assertTrue(RankMemory.refusal(MEMORY, ranks(4, GIB, 2 * GIB)).isPresent());
    }

    /// @param sums bytes of sums on each rank
    /// @param divided bytes that a rank does not have
    private static RecipeRanks ranks(int onMachine, long sums, long divided) {
        return new RecipeRanks(8, onMachine, DistributedSection.usual(), 1, List.of(1), sums, divided, 0);
    }
}
