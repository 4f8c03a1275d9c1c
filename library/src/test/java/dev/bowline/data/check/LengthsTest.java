package dev.bowline.data.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LengthsTest {

    @Test
    void aFewLengthsHaveABinEach() {
        Lengths lengths = Lengths.of(new int[] {7, 5, 5, 8});

        assertEquals(5, lengths.shortest());
        assertEquals(5, lengths.median());
        assertEquals(8, lengths.percentile95());
        assertEquals(8, lengths.longest());
        assertEquals(
                List.of(
                        new Lengths.Bin(5, 5, 2),
                        new Lengths.Bin(6, 6, 0),
                        new Lengths.Bin(7, 7, 1),
                        new Lengths.Bin(8, 8, 1)),
                lengths.bins());
    }

    @Test
    void binsAreFewAndHoldEveryExampleOnce() {
        for (int longest : new int[] {1, 12, 13, 119, 120, 121, 4096, 1_000_000}) {
            int[] all = IntStream.of(1, longest / 3 + 1, longest, longest).toArray();

            List<Lengths.Bin> bins = Lengths.of(all).bins();

            assertTrue(bins.size() <= 13, "%d bins for %d".formatted(bins.size(), longest));
            assertEquals(
                    all.length, bins.stream().mapToLong(Lengths.Bin::examples).sum());
            for (Lengths.Bin bin : bins) {
                assertEquals(
                        IntStream.of(all)
                                .filter(length -> bin.from() <= length && length <= bin.to())
                                .count(),
                        bin.examples(),
                        bin.toString());
            }
        }
    }

    @Test
    void theMedianAndThePercentileAreLengthsOfTheExamples() {
        Lengths lengths = Lengths.of(IntStream.rangeClosed(1, 100).toArray());

        assertEquals(50, lengths.median());
        assertEquals(95, lengths.percentile95());
    }
}
