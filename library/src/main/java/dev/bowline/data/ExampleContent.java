package dev.bowline.data;

import dev.bowline.json.JsonObject;
import dev.bowline.text.Conversation;
import java.util.List;

/// The content of one row of a dataset.
public sealed interface ExampleContent {

    /// A conversation, which the chat template renders.
    ///
    /// @param firstTrained the first message that may be trained on; earlier messages are only read
    /// @param chatTemplateKwargs variables for the chat template in this conversation
    record Turns(Conversation conversation, int firstTrained, JsonObject chatTemplateKwargs)
            implements ExampleContent {}

    /// A question and its answer: two turns of a conversation if there is a chat template, else one text. Only
    /// the answer is trained on.
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

    /// One text in two parts. Only the second part is trained on. No chat template is used.
    record PromptCompletion(String prompt, String completion) implements ExampleContent {}

    /// A text that is trained on as a whole. No chat template is used.
    record Text(String text) implements ExampleContent {}
}
