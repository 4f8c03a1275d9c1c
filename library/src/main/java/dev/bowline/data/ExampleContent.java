package dev.bowline.data;

import dev.bowline.json.JsonObject;
import dev.bowline.text.Conversation;
import java.util.List;

/// The content of one row of a dataset.
public sealed interface ExampleContent {

    /// A conversation, which the chat template writes.
    ///
    /// @param firstTrained the first message that may be trained on; those before it are only read
    /// @param chatTemplateKwargs variables of the chat template's own for this conversation
    record Turns(Conversation conversation, int firstTrained, JsonObject chatTemplateKwargs)
            implements ExampleContent {}

    /// A question and its answer: turns of a conversation where there is a chat template, and otherwise one text,
    /// of which the answer is trained on.
    record Question(String question, String answer) implements ExampleContent {

        Turns turns() {
            return new Turns(
                    Conversation.of(List.of(
                            Conversation.message("user", question),
                            Conversation.message(Conversation.ASSISTANT, answer))),
                    0,
                    JsonObject.of());
        }
    }

    /// One text in two parts, of which the second is trained on. No chat template writes it.
    record PromptCompletion(String prompt, String completion) implements ExampleContent {}

    /// A text that is trained on from its beginning to its end. No chat template writes it.
    record Text(String text) implements ExampleContent {}
}
