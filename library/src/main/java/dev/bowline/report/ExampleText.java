package dev.bowline.report;

import dev.bowline.json.Json;
import dev.bowline.json.JsonValue;
import dev.bowline.train.TokenizedExample;
import dev.bowline.train.TokenizedExample.Token;
import dev.bowline.train.TokenizedExample.Use;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// The tokens of an example, with the trained ones marked.
public final class ExampleText implements TextRenderer<TokenizedExample> {

    private static final int WIDTH = 100;

    /// A longer run of tokens is shown by its beginning and its end.
    private static final int LONGEST_RUN = 48;

    private static final int SHOWN_AT_AN_END = 20;

    /// A part of the text, in whole lines.
    ///
    /// @param use empty for the headline
    public record Part(String text, Optional<Use> use) {}

    /// Every token is a JSON string; runs of read and of trained tokens alternate.
    @Override
    public String text(TokenizedExample example) {
        return parts(example).stream().map(Part::text).collect(Collectors.joining());
    }

    /// The same text in parts, for a reader that shows the runs in colours.
    public List<Part> parts(TokenizedExample example) {
        String headline = "%s, an example (%s): %s, %s trained"
                .formatted(
                        example.section(),
                        example.origin(),
                        Quantity.count(example.tokens().size(), "token"),
                        Quantity.count(example.trainable()));
        List<Part> parts = new ArrayList<>();
        parts.add(new Part(Wrapping.lines(headline, WIDTH, "  ") + "\n", Optional.empty()));
        List<Token> run = new ArrayList<>();
        for (Token token : example.tokens()) {
            if (!run.isEmpty() && run.getFirst().use() != token.use()) {
                parts.add(part(run));
                run.clear();
            }
            run.add(token);
        }
        parts.add(part(run));
        return parts;
    }

    private static Part part(List<Token> run) {
        String label = run.getFirst().use() == Use.TRAINED ? "  trained " : "  read    ";
        StringBuilder text = new StringBuilder();
        StringBuilder line = new StringBuilder(label);
        for (String word : words(run)) {
            if (line.length() + word.length() >= WIDTH && line.length() > label.length()) {
                text.append(line).append('\n');
                line = new StringBuilder(" ".repeat(label.length()));
            }
            line.append(' ').append(word);
        }
        text.append(line).append('\n');
        return new Part(text.toString(), Optional.of(run.getFirst().use()));
    }

    /// The text of a token with a sign for what is not seen.
    static String visible(Token token) {
        StringBuilder text = new StringBuilder();
        token.text().codePoints().forEach(each -> {
            if (each == '\n') {
                text.append("⏎\n");
            } else {
                text.append(Printable.steersTerminal(each) ? Printable.escaped(each) : Character.toString(each));
            }
        });
        return text.isEmpty() ? "·" : text.toString();
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
