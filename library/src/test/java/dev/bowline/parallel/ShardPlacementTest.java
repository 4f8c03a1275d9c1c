package dev.bowline.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.optim.Gradients;
import dev.bowline.parallel.ShardPlacement.Piece;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardPlacementTest {

    private static final long CUT = Gradients.NORM_ELEMENTS;

    private static List<Long> lengths(Random random) {
        List<Long> lengths = new ArrayList<>();
        int count = 1 + random.nextInt(12);
        for (int i = 0; i < count; i++) {
            lengths.add(
                    switch (random.nextInt(5)) {
                        case 0 -> 1L + random.nextInt(100);
                        case 1 -> 1L + random.nextInt((int) CUT);
                        case 2 -> CUT * (1 + random.nextInt(5));
                        default ->
                            CUT * (1 + random.nextInt(9)) + random.nextInt(random.nextBoolean() ? 200 : (int) CUT);
                    });
        }
        return lengths;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 7})
    void everyElementHasOnePlaceAndCutsAreWhereTilesOfNormsEnd(int ranks) {
        Random random = new Random(ranks);
        for (int round = 0; round < 200; round++) {
            List<Long> lengths = lengths(random);
            ShardPlacement placement = ShardPlacement.of(lengths, ranks);
            String shown = "%d ranks, %s: %s".formatted(ranks, lengths, placement);

            long[] next = new long[lengths.size()];
            long free = 0;
            for (Piece piece : placement.pieces(lengths)) {
                long place = piece.owner() * placement.share() + piece.at();
                assertTrue(place >= free && piece.at() + piece.length() <= placement.share(), shown);
                assertTrue(piece.owner() < ranks, shown);
                assertEquals(next[piece.parameter()], piece.from(), shown);
                assertEquals(0, piece.from() % CUT, shown);
                assertTrue(piece.length() >= Math.min(4096, lengths.get(piece.parameter())), shown);
                assertEquals(placement.starts().get(piece.parameter()) + piece.from(), place, shown);
                next[piece.parameter()] += piece.length();
                free = place + piece.length();
            }
            for (int i = 0; i < next.length; i++) {
                assertEquals(lengths.get(i), next[i], shown);
                assertEquals(0, placement.starts().get(i) % ShardPlacement.ALIGNMENT, shown);
            }
        }
    }

    /// Rank 0 of two has half of the elements and what the last tile of a norm adds.
    @Test
    void sharesAreAboutEqual() {
        long total = 100 * CUT + 17;

        ShardPlacement placement = ShardPlacement.of(List.of(total), 2);

        assertTrue(placement.share() <= total / 2 + CUT, placement.toString());
    }
}
