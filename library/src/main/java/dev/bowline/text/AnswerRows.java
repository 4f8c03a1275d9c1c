package dev.bowline.text;

import dev.bowline.text.jinja.Span;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/// Divides the answers of a conversation into as few texts as hold each of them as the template writes it when it
/// is the last message.
///
/// Most templates only ever append, and one text holds every answer. Others write an earlier answer differently
/// once more turns follow: a thought is dropped, or stands in the last answer only. A model never generates such
/// an answer, so it is trained in a text that ends with it.
final class AnswerRows {

    private final RenderedTurns turns;
    private final AnswerFinder finder;

    AnswerRows(RenderedTurns turns, AnswerFinder finder) {
        this.turns = turns;
        this.finder = finder;
    }

    /// @param learned the messages to find, in order
    /// @return in the order of their answers; one text without an answer if there is nothing to learn
    List<AnswerRegions> find(List<Integer> learned) {
        Deque<AnswerRegions> rows = new ArrayDeque<>();
        List<Integer> left = new ArrayList<>(learned);
        int shown = turns.size();
        while (!left.isEmpty()) {
            List<AnswerSpan> found = found(left, shown);
            if (found.isEmpty()) {
                shown = left.getLast() + 1;
                found = found(left, shown);
            }
            rows.addFirst(row(shown, found));
            left.subList(left.size() - found.size(), left.size()).clear();
            shown = left.isEmpty() ? shown : left.getLast() + 1;
        }
        if (rows.isEmpty()) {
            rows.add(row(turns.size(), List.of()));
        }
        return List.copyOf(rows);
    }

    /// The latest answers that the first `shown` messages hold, without a gap.
    private List<AnswerSpan> found(List<Integer> left, int shown) {
        Deque<AnswerSpan> found = new ArrayDeque<>();
        for (int message : left.reversed()) {
            Optional<AnswerSpan> answer =
                    message == shown - 1 ? Optional.of(finder.last(message)) : finder.find(message, shown);
            if (answer.isEmpty()
                    || !found.isEmpty() && answer.get().end() > found.getFirst().start()) {
                break;
            }
            found.addFirst(answer.get());
        }
        return List.copyOf(found);
    }

    private AnswerRegions row(int shown, List<AnswerSpan> answers) {
        String whole = turns.first(shown).text();
        StringBuilder text = new StringBuilder();
        List<AnswerRegions.Answer> regions = new ArrayList<>();
        int copied = 0;
        for (AnswerSpan answer : answers) {
            text.append(whole, copied, answer.start()).append(answer.inserted());
            int shift = text.length() - answer.start();
            text.append(whole, answer.start(), answer.end());
            List<Span> trained = answer.trained().stream()
                    .map(span -> new Span(span.start() + shift, span.end() + shift))
                    .toList();
            regions.add(new AnswerRegions.Answer(
                    answer.message(), new Span(answer.start() + shift, answer.end() + shift), trained));
            copied = answer.end();
        }
        text.append(whole, copied, whole.length());
        return new AnswerRegions(text.toString(), regions, finder.boundary());
    }
}
