package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.text.jinja.Rendering;
import dev.bowline.text.jinja.Span;
import java.util.ArrayList;
import java.util.List;

/// Which tokens of a rendered conversation the assistant wrote.
///
/// Where the template has `{% generation %}` blocks, those say it. Otherwise each assistant message is what the text
/// gains from rendering the conversation up to and including it over rendering what came before with the generation
/// prompt; that the one is a prefix of the other, and both of the whole, is checked. The token that ends the turn
/// belongs to the answer, or the model would never learn to stop; white space after it does not.
public final class AssistantMask {

    /// Which of the assistant's messages are trained on.
    public enum Answers {
        ALL,
        LAST
    }

    /// @param tokens the whole conversation
    /// @param assistant whether token i is the assistant's
    public record Masked(TokenizedText tokens, boolean[] assistant) {}

    private AssistantMask() {}

    public static Masked of(Conversation conversation, ChatTemplate template, Tokenizer tokenizer, Answers answers) {
        Rendering whole = template.render(conversation, ChatTemplate.End.LAST_MESSAGE);
        List<Span> spans = whole.generationTracking() == Rendering.GenerationTracking.COMPLETE
                        && !whole.generations().isEmpty()
                ? whole.generations()
                : byPrefixes(conversation, template, whole.text(), answers);
        List<Span> trained = answers == Answers.LAST && !spans.isEmpty() ? List.of(spans.getLast()) : spans;
        TokenizedText tokens = tokenizer.encodeWithSpans(whole.text());
        boolean[] assistant = new boolean[tokens.ids().length];
        for (int i = 0; i < assistant.length; i++) {
            int start = tokens.starts()[i];
            int end = tokens.ends()[i];
            assistant[i] = start < end && trained.stream().anyMatch(span -> start < span.end() && end > span.start());
        }
        return new Masked(tokens, assistant);
    }

    private static List<Span> byPrefixes(
            Conversation conversation, ChatTemplate template, String whole, Answers answers) {
        List<Span> spans = new ArrayList<>();
        for (int i = 0; i < conversation.messages().size(); i++) {
            boolean wanted = answers == Answers.ALL || i == lastAnswer(conversation);
            if (conversation.isAssistant(i) && wanted) {
                spans.add(answer(conversation, template, whole, i));
            }
        }
        return spans;
    }

    private static int lastAnswer(Conversation conversation) {
        for (int i = conversation.messages().size() - 1; i >= 0; i--) {
            if (conversation.isAssistant(i)) {
                return i;
            }
        }
        return -1;
    }

    private static Span answer(Conversation conversation, ChatTemplate template, String whole, int message) {
        String before = template.text(conversation.prefix(message), ChatTemplate.End.GENERATION_PROMPT);
        String through = template.text(conversation.prefix(message + 1), ChatTemplate.End.LAST_MESSAGE);
        if (!through.startsWith(before) || !whole.startsWith(through)) {
            throw new BowlineException(
                    "message %d: the template renders the conversation before an answer differently from what it"
                                    .formatted(message + 1)
                            + " renders once the answer is there, so which tokens are the assistant's cannot be told",
                    "put {% generation %} and {% endgeneration %} around the assistant's text in a copy of the"
                            + " template and name it with dataset.chat_template, or set dataset.mask_history");
        }
        return new Span(before.length(), through.stripTrailing().length());
    }
}
