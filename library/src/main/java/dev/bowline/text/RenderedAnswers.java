package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.text.AnswerRegions.Boundary;
import dev.bowline.text.jinja.Span;
import java.util.List;
import java.util.Optional;

/// Finds an answer by rendering the turns before it: it begins where those turns with the generation prompt end,
/// and ends where the turns up to it end.
final class RenderedAnswers implements AnswerFinder {

    private static final int SHOWN = 40;

    private static final String MARK_OR_CHANGE =
            "put {% generation %} … {% endgeneration %} around the assistant's text in a copy of the template and name it"
                    + " with dataset.chat_template";

    private final RenderedTurns turns;

    RenderedAnswers(RenderedTurns turns) {
        this.turns = turns;
    }

    @Override
    public Boundary boundary() {
        return Boundary.RENDERED;
    }

    @Override
    public Optional<AnswerSpan> find(int message, int shown) {
        String text = turns.first(shown).text();
        String upTo = turns.first(message + 1).text();
        if (!turns.beginsWithAnswer(text, upTo)) {
            return Optional.empty();
        }
        Opening opening = opening(text, message);
        int end = turns.commonLength(text, upTo);
        return opening.problem().isEmpty() && end > opening.at()
                ? Optional.of(found(message, opening, end))
                : Optional.empty();
    }

    @Override
    public AnswerSpan last(int message) {
        String text = turns.first(message + 1).text();
        Opening opening = opening(text, message);
        opening.problem().ifPresent(problem -> {
            throw problem;
        });
        return found(message, opening, text.length());
    }

    private static AnswerSpan found(int message, Opening opening, int end) {
        return new AnswerSpan(message, opening.at(), opening.rest(), List.of(new Span(opening.at(), end)), end);
    }

    /// The start of an answer in a text, and the part of the generation prompt that the text leaves out there.
    private record Opening(int at, String rest, Optional<BowlineException> problem) {}

    private Opening opening(String text, int message) {
        String prompt = turns.prompt(message);
        if (text.startsWith(prompt)) {
            return new Opening(prompt.length(), "", Optional.empty());
        }
        int common = turns.commonLength(text, prompt);
        String rest = prompt.substring(common);
        String before = turns.first(message).text();
        if (common <= turns.commonLength(text, before) || !turns.beginsWith(text, before)) {
            return new Opening(common, rest, Optional.of(differs(message, common, text, prompt)));
        }
        return new Opening(common, rest, turns.isSelfContained(rest) ? Optional.empty() : Optional.of(opensWith(rest)));
    }

    private static BowlineException opensWith(String rest) {
        return new BowlineException(
                ("the chat template ends the generation prompt with '%s', but does not print that before a given"
                                + " answer")
                        .formatted(excerpt(rest, 0)),
                "name a template that writes it with dataset.chat_template, or %s".formatted(MARK_OR_CHANGE));
    }

    private static BowlineException differs(int turns, int at, String text, String prompt) {
        return new BowlineException(
                ("the chat template writes the first %d turns differently in front of an answer than in the prompt for it:"
                                + " from character %d they are '%s' before the answer and '%s' in the prompt")
                        .formatted(turns, at, excerpt(text, at), excerpt(prompt, at)),
                MARK_OR_CHANGE);
    }

    private static String excerpt(String text, int at) {
        String rest = text.substring(Math.min(at, text.length()));
        return (rest.length() > SHOWN ? rest.substring(0, SHOWN) + "…" : rest).replace("\n", "\\n");
    }
}
