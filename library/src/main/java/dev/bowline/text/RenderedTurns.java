package dev.bowline.text;

import dev.bowline.text.ChatTemplate.End;
import dev.bowline.text.jinja.Rendering;
import dev.bowline.text.jinja.Span;
import java.util.HashMap;
import java.util.Map;

/// The beginnings of one conversation as the chat template writes them, each rendered and tokenised once.
final class RenderedTurns {

    private final Conversation conversation;
    private final ChatTemplate template;
    private final Tokenizer tokenizer;
    private final Map<Integer, Rendering> turns = new HashMap<>();
    private final Map<Integer, String> prompts = new HashMap<>();
    private final Map<String, TokenizedText> tokens = new HashMap<>();

    RenderedTurns(Conversation conversation, ChatTemplate template, Tokenizer tokenizer) {
        this.conversation = conversation;
        this.template = template;
        this.tokenizer = tokenizer;
    }

    /// The number of messages in the whole conversation.
    int size() {
        return conversation.messages().size();
    }

    /// The first `count` messages.
    Rendering first(int count) {
        return turns.computeIfAbsent(count, n -> template.render(conversation.prefix(n), End.LAST_MESSAGE));
    }

    /// The first `count` messages with the generation prompt.
    String prompt(int count) {
        return prompts.computeIfAbsent(count, n -> template.text(conversation.prefix(n), End.GENERATION_PROMPT));
    }

    /// The tokens of a text, made once.
    TokenizedText encode(String text) {
        return tokens.computeIfAbsent(text, tokenizer::encodeWithSpans);
    }

    /// True if `text` begins with `beginning`, apart from a token or a line break that the template writes only at
    /// the end of a conversation.
    boolean beginsWith(String text, String beginning) {
        int common = commonLength(text, beginning);
        return common == beginning.length() || isClosing(beginning.substring(common));
    }

    /// True if `text` begins with `turns`, the last of which is an answer, in the sense of [#beginsWith], and the
    /// answer ends its turn in both. A token that ends the turn at the end of a conversation only, or another one
    /// there, makes the answer a different one.
    boolean beginsWithAnswer(String text, String turns) {
        int common = commonLength(text, turns);
        String closing = turns.substring(common);
        return closing.isBlank() || isClosing(closing) && endsTurn(turns.substring(0, common));
    }

    private boolean endsTurn(String turns) {
        TokenizedText encoded = encode(turns.stripTrailing());
        return encoded.size() > 0 && tokenizer.isAdded(encoded.id(encoded.size() - 1));
    }

    private boolean isClosing(String text) {
        TokenizedText encoded = encode(text);
        for (int i = 0; i < encoded.size(); i++) {
            Span span = encoded.span(i);
            if (!tokenizer.isAdded(encoded.id(i))
                    && !text.substring(span.start(), span.end()).isBlank()) {
                return false;
            }
        }
        return true;
    }

    /// True if the text is white space, or begins and ends with added tokens, such as the empty thought
    /// `<|channel>thought\n<channel|>`.
    boolean isSelfContained(String text) {
        if (text.isBlank()) {
            return true;
        }
        TokenizedText encoded = encode(text.strip());
        int last = encoded.size() - 1;
        return last > 0
                && text.charAt(0) == text.strip().charAt(0)
                && tokenizer.isAdded(encoded.id(0))
                && tokenizer.isAdded(encoded.id(last));
    }

    /// The length of the common beginning, in whole tokens of the second text: `<eos>` and `<|user|>` do not share
    /// a bracket.
    int commonLength(String text, String beginning) {
        int length = 0;
        int shorter = Math.min(text.length(), beginning.length());
        while (length < shorter && text.charAt(length) == beginning.charAt(length)) {
            length++;
        }
        if (length == beginning.length()) {
            return length;
        }
        TokenizedText encoded = encode(beginning);
        for (int i = encoded.size() - 1; i >= 0; i--) {
            Span span = encoded.span(i);
            if (span.start() < length && span.end() > length) {
                return span.start();
            }
        }
        return length;
    }
}
