package dev.bowline.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/// Inserted tokens stand where they belong, are not trained on, and move nothing that is.
class InsertedTokensTest {

    @Test
    void tokensFollowEveryPlaceOfTheirMark() {
        Example example = new Example(
                new int[] {1, 7, 8, 5, 7, 8, 6},
                new boolean[] {false, false, false, true, false, false, true},
                "rows.jsonl:1");

        Example written = new InsertedTokens(List.of(7, 8), List.of(20, 21)).into(example);

        assertArrayEquals(new int[] {1, 7, 8, 20, 21, 5, 7, 8, 20, 21, 6}, written.ids());
        assertArrayEquals(
                new boolean[] {false, false, false, false, false, true, false, false, false, false, true},
                written.targets());
    }

    @Test
    void aMarkAtTheEndIsAPlaceToo() {
        Example example = new Example(new int[] {5, 7}, new boolean[] {true, true}, "rows.jsonl:1");

        assertArrayEquals(
                new int[] {5, 7, 9},
                new InsertedTokens(List.of(7), List.of(9)).into(example).ids());
    }

    @Test
    void whatAnExampleBeginsWithIsNotPutThereAgain() {
        InsertedTokens bos = new InsertedTokens(List.of(), List.of(1));
        Example without = new Example(new int[] {4, 5}, new boolean[] {true, true}, "rows.jsonl:1");

        Example once = bos.into(without);

        assertArrayEquals(new int[] {1, 4, 5}, once.ids());
        assertArrayEquals(new boolean[] {false, true, true}, once.targets());
        assertArrayEquals(new int[] {1, 4, 5}, bos.into(once).ids());
    }
}
