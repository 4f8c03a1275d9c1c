package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.distributed.Ranks;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The other ranks hear of the first one while it works alone, and wait until it has ended.
class RankPulseTest {

    @Test
    void theOtherRanksHearOfTheFirstOneUntilItEnds() {
        List<Long> collectives = Ranks.run(3, group -> {
            long before = group.collectives();
            if (group.isFirst()) {
                try (RankPulse _ = RankPulse.start(group, 5)) {
                    while (group.collectives() < before + 4) {
                        Thread.sleep(1);
                    }
                }
            } else {
                RankPulse.await(group);
            }
            return group.collectives() - before;
        });

        assertTrue(collectives.getFirst() >= 5, collectives.toString());
        assertEquals(1, collectives.stream().distinct().count(), collectives.toString());
    }

    @Test
    void workThatEndsAtOnceIsTheEnd() {
        List<Long> collectives = Ranks.run(2, group -> {
            long before = group.collectives();
            if (group.isFirst()) {
                RankPulse.start(group, 60_000).close();
            } else {
                RankPulse.await(group);
            }
            return group.collectives() - before;
        });

        assertEquals(List.of(1L, 1L), collectives);
    }
}
