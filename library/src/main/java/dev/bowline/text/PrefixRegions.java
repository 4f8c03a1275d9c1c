package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.text.ChatTemplate.End;
import dev.bowline.text.jinja.Span;
import java.util.ArrayList;
import java.util.List;

/// Finds answers by rendering the turns before them: the text up to answer k is what the first k turns render to with
/// the answer opened, and answer k ends where the first k+1 turns end. Both have to be beginnings of the whole.
final class PrefixRegions {

    private static final int SHOWN = 40;

    private final Tokenizer tokenizer;
    private final ChatTemplate template;

    PrefixRegions(Tokenizer tokenizer, ChatTemplate template) {
        this.tokenizer = tokenizer;
        this.template = template;
    }

    /// @param learned the messages to find, in order
    AnswerRegions find(Conversation conversation, String whole, List<Integer> learned) {
        StringBuilder text = new StringBuilder();
        List<Span> answers = new ArrayList<>();
        int copied = 0;
        int inserted = 0;
        for (int message : learned) {
            Opening opening = opening(conversation, whole, message);
            int end = end(conversation, whole, message);
            if (end < opening.at() || opening.at() < copied) {
                throw doNotNest(message, opening.at(), whole, "");
            }
            text.append(whole, copied, opening.at()).append(opening.rest());
            inserted += opening.rest().isEmpty() ? 0 : 1;
            int start = text.length();
            text.append(whole, opening.at(), end);
            answers.add(new Span(start, text.length()));
            copied = end;
        }
        text.append(whole, copied, whole.length());
        return new AnswerRegions(text.toString(), answers, AnswerRegions.Boundary.RENDERED, inserted);
    }

    /// Where an answer begins in the whole, and what of the generation prompt the whole leaves out there.
    private record Opening(int at, String rest) {}

    private Opening opening(Conversation conversation, String whole, int message) {
        String prompt = render(conversation.prefix(message), End.GENERATION_PROMPT);
        if (whole.startsWith(prompt)) {
            return new Opening(prompt.length(), "");
        }
        int common = commonLength(whole, prompt);
        String rest = prompt.substring(common);
        String before = render(conversation.prefix(message), End.LAST_MESSAGE);
        int turnsBefore = commonLength(whole, before);
        if (common <= turnsBefore || !isClosing(before.substring(turnsBefore))) {
            throw doNotNest(message, common, whole, prompt);
        }
        if (!isSelfContained(rest)) {
            throw new BowlineException(
                    "the chat template opens an answer with '%s', but does not print that in front of an answer that is already there"
                            .formatted(excerpt(rest, 0)),
                    "give the answers the part that is missing (a reasoning model's thought, for example), or put {% generation %} … {% endgeneration %} around the assistant's text in a copy of the template and name it with dataset.chat_template");
        }
        return new Opening(common, rest);
    }

    private int end(Conversation conversation, String whole, int message) {
        if (message == conversation.messages().size() - 1) {
            return whole.length();
        }
        String turns = render(conversation.prefix(message + 1), End.LAST_MESSAGE);
        int common = commonLength(whole, turns);
        if (!isClosing(turns.substring(common))) {
            throw doNotNest(message + 1, common, whole, turns);
        }
        return common;
    }

    private String render(Conversation conversation, End end) {
        return template.text(conversation, end);
    }

    /// Some templates end a conversation with a token or a line break that is not there when it goes on.
    private boolean isClosing(String text) {
        TokenizedText tokens = tokenizer.encodeWithSpans(text);
        for (int i = 0; i < tokens.size(); i++) {
            Span span = tokens.span(i);
            if (!tokenizer.isAdded(tokens.id(i))
                    && !text.substring(span.start(), span.end()).isBlank()) {
                return false;
            }
        }
        return true;
    }

    /// An empty thought, for example: `<|channel>thought\n<channel|>`, between added tokens of its own.
    private boolean isSelfContained(String text) {
        TokenizedText tokens = tokenizer.encodeWithSpans(text.strip());
        int last = tokens.size() - 1;
        return last > 0
                && text.charAt(0) == text.strip().charAt(0)
                && tokenizer.isAdded(tokens.id(0))
                && tokenizer.isAdded(tokens.id(last));
    }

    /// How much the whole and a beginning have in common, in whole tokens of the beginning: `<eos>` and `<|user|>` do
    /// not share a bracket.
    private int commonLength(String whole, String beginning) {
        int length = 0;
        int shorter = Math.min(whole.length(), beginning.length());
        while (length < shorter && whole.charAt(length) == beginning.charAt(length)) {
            length++;
        }
        if (length == beginning.length()) {
            return length;
        }
        TokenizedText tokens = tokenizer.encodeWithSpans(beginning);
        for (int i = tokens.size() - 1; i >= 0; i--) {
            Span span = tokens.span(i);
            if (span.start() < length && span.end() > length) {
                return span.start();
            }
        }
        return length;
    }

    private static BowlineException doNotNest(int turns, int at, String whole, String part) {
        return new BowlineException(
                "the chat template renders the first %d turns differently once more turns follow: from character %d it is '%s' in the whole conversation and '%s' in its beginning"
                        .formatted(turns, at, excerpt(whole, at), excerpt(part, at)),
                "train on the last answer only (dataset.mask_history: true), split the conversation, or put {% generation %} … {% endgeneration %} around the assistant's text in a copy of the template and name it with dataset.chat_template");
    }

    private static String excerpt(String text, int at) {
        String rest = text.substring(Math.min(at, text.length()));
        return (rest.length() > SHOWN ? rest.substring(0, SHOWN) + "…" : rest).replace("\n", "\\n");
    }
}
