package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.data.Example;
import dev.bowline.report.ExampleText;
import dev.bowline.text.Tokenizer;
import dev.bowline.train.TokenizedExample.Token;
import dev.bowline.train.TokenizedExample.Use;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// The tokens of a shown example are the example's, in their order, with the trained ones marked.
class TokenizedExampleTest {

    private static final Path TOKENIZER = Path.of("src/test/resources/fixtures/tokenizers/byte_fallback");

    @Test
    void theTextsOfTheTokensTogetherAreTheText() {
        String text = "<bos>Say 😀 twice\n<|im_end|>";
        try (Tokenizer tokenizer = Tokenizer.open(TOKENIZER)) {
            int[] ids = tokenizer.encode(text);
            boolean[] targets = new boolean[ids.length];
            targets[0] = true;
            targets[ids.length - 1] = true;

            TokenizedExample example = TokenizedExample.of("dataset", new Example(ids, targets, "a:1"), tokenizer);

            assertEquals(text, example.tokens().stream().map(Token::text).collect(Collectors.joining()));
            assertEquals(1, example.trainable(), "nothing comes before the first token, so it is not predicted");
            assertEquals(Use.TRAINED, example.tokens().getLast().use());
        }
    }

    @Test
    void runsOfReadAndTrainedTokensAreShownAndLongOnesShortened() {
        List<Token> tokens = IntStream.range(0, 102)
                .mapToObj(i -> new Token(i, i == 100 ? "\"\n" : "t" + i, i < 100 ? Use.READ : Use.TRAINED))
                .toList();

        String text = new ExampleText().text(new TokenizedExample("dataset", "a.jsonl:3", tokens));

        assertTrue(text.startsWith("dataset, an example (a.jsonl:3): 102 tokens, 2 trained\n  read "), text);
        assertTrue(text.contains("\"t19\" ... 60 more ... \"t80\""), text.replace("\n          ", ""));
        assertTrue(text.endsWith("\n  trained  \"\\\"\\n\" \"t101\"\n"), text);
        assertTrue(text.lines().allMatch(line -> line.length() <= 100), text);
    }
}
