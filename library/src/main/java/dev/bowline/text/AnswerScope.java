package dev.bowline.text;

import java.util.List;

/// Which of a conversation's answers a model learns, and how.
///
/// In each case an assistant message with `"weight": 0` is only read, as in OpenAI's fine-tuning files.
public enum AnswerScope {
    /// All of them in one example.
    EVERY_ANSWER,
    LAST_ANSWER,
    /// All of them, each in an example that ends with it. What follows an answer cannot change how the template prints
    /// it, so this suits templates that rewrite earlier turns; it costs reading the earlier turns again and again.
    EACH_ANSWER_ALONE;

    /// The conversations to make examples of.
    public List<Conversation> examples(Conversation conversation) {
        return switch (this) {
            case EVERY_ANSWER, LAST_ANSWER -> List.of(conversation);
            case EACH_ANSWER_ALONE ->
                conversation.answers().stream()
                        .map(answer -> conversation.first(answer + 1))
                        .toList();
        };
    }
}
