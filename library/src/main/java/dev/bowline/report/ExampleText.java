package dev.bowline.report;

import dev.bowline.json.Json;
import dev.bowline.json.JsonValue;
import dev.bowline.train.TokenizedExample;
import dev.bowline.train.TokenizedExample.Token;
import dev.bowline.train.TokenizedExample.Use;
import java.util.ArrayList;
import java.util.List;

/// The tokens of an example, with the trained ones marked.
public final class ExampleText implements TextRenderer<TokenizedExample> {

    private static final int WIDTH = 100;

    /// A longer run of tokens is shown by its beginning and its end.
    private static final int LONGEST_RUN = 48;

    private static final int SHOWN_AT_AN_END = 20;

    /// Every token is a JSON string; runs of read and of trained tokens alternate.
    @Override
    public String text(TokenizedExample example) {
        String headline = "%s, the first example (%s): %s, %s trained"
                .formatted(
                        example.section(),
                        example.origin(),
                        Quantity.count(example.tokens().size(), "token"),
                        Quantity.count(example.trainable()));
        StringBuilder text = new StringBuilder(Wrapping.lines(headline, WIDTH, "  "));
        List<Token> run = new ArrayList<>();
        for (Token token : example.tokens()) {
            if (!run.isEmpty() && run.getFirst().use() != token.use()) {
                append(text, run);
                run.clear();
            }
            run.add(token);
        }
        append(text, run);
        return text.append('\n').toString();
    }

    private static void append(StringBuilder text, List<Token> run) {
        String label = run.getFirst().use() == Use.TRAINED ? "  trained " : "  read    ";
        StringBuilder line = new StringBuilder(label);
        for (String word : words(run)) {
            if (line.length() + word.length() >= WIDTH && line.length() > label.length()) {
                text.append('\n').append(line);
                line = new StringBuilder(" ".repeat(label.length()));
            }
            line.append(' ').append(word);
        }
        text.append('\n').append(line);
    }

    private static List<String> words(List<Token> run) {
        if (run.size() <= LONGEST_RUN) {
            return run.stream().map(ExampleText::word).toList();
        }
        List<String> words = new ArrayList<>();
        run.subList(0, SHOWN_AT_AN_END).forEach(token -> words.add(word(token)));
        words.add("... %s more ...".formatted(Quantity.count(run.size() - 2 * SHOWN_AT_AN_END)));
        run.subList(run.size() - SHOWN_AT_AN_END, run.size()).forEach(token -> words.add(word(token)));
        return words;
    }

    private static String word(Token token) {
        return Json.compact(JsonValue.of(token.text()));
    }
}
