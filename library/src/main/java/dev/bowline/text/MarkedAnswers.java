package dev.bowline.text;

import dev.bowline.text.AnswerRegions.Boundary;
import dev.bowline.text.jinja.Span;
import java.util.List;
import java.util.Optional;

/// Finds answers by the template's `{% generation %}` blocks.
final class MarkedAnswers implements AnswerFinder {

    private final RenderedTurns turns;

    MarkedAnswers(RenderedTurns turns) {
        this.turns = turns;
    }

    @Override
    public Boundary boundary() {
        return Boundary.MARKED;
    }

    @Override
    public Optional<AnswerSpan> find(int message, int shown) {
        String upTo = turns.first(message + 1).text();
        return turns.beginsWithAnswer(turns.first(shown).text(), upTo)
                ? Optional.of(found(
                        message, shown, turns.commonLength(turns.first(shown).text(), upTo)))
                : Optional.empty();
    }

    @Override
    public AnswerSpan last(int message) {
        return found(message, message + 1, turns.first(message + 1).text().length());
    }

    private AnswerSpan found(int message, int shown, int end) {
        String text = turns.first(shown).text();
        int start =
                message == 0 ? 0 : turns.commonLength(text, turns.first(message).text());
        List<Span> blocks = turns.first(shown).generations().stream()
                .filter(block -> block.end() > start && block.start() < end)
                .toList();
        return new AnswerSpan(message, start, "", blocks, end);
    }
}
