package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Conversation;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/// Tokenised examples, and counts of the rows that were changed or left out.
///
/// @param rows the number of rows that were read
/// @param plain the number of rows that became text without a chat template
/// @param divided the rows that became several examples
/// @param cut the number of examples that lost tokens
/// @param ends the tokens at the end of the trained answers
/// @param unwritten the text of trained answers that the chat template does not write
/// @param skipped the examples that were left out, each with its place and the reason
public record Dataset(
        List<Example> examples,
        int rows,
        int plain,
        DividedConversations divided,
        int cut,
        AnswerEnds ends,
        List<UnrenderedField> unwritten,
        List<Skipped> skipped) {

    /// @param origin `file:line`
    public record Skipped(String origin, String reason) {}

    public Dataset {
        examples = List.copyOf(examples);
        unwritten = List.copyOf(unwritten);
        skipped = List.copyOf(skipped);
    }

    /// Conversations that a program made, rendered with the tokenizer's chat template. Exactly the assistant
    /// messages are trained on.
    ///
    /// @param longest the most tokens that an example may have; a longer example is an error
    /// @throws BowlineException if there is no chat template, or if a conversation cannot be trained on
    public static Dataset of(List<Conversation> conversations, Tokenizer tokenizer, int longest) {
        return of(conversations, ChatTemplate.of(tokenizer), tokenizer, longest);
    }

    /// The same with another chat template.
    public static Dataset of(
            List<Conversation> conversations, ChatTemplate template, Tokenizer tokenizer, int longest) {
        DatasetSettings settings = new DatasetSettings(
                Path.of("the list of conversations"),
                DatasetSplit.preferring("train"),
                new ExampleFormat.Messages(),
                longest,
                Truncation.ERROR,
                OptionalInt.empty(),
                DatasetSettings.TrainedText.ASSISTANT,
                AssistantMask.Answers.ALL);
        return DatasetReader.read(conversations, settings, template, tokenizer);
    }

    /// The number of examples made from the rows, including those that are left out.
    public int made() {
        return examples.size() + skipped.size();
    }

    public long tokens() {
        return examples.stream().mapToLong(Example::length).sum();
    }

    public long targetTokens() {
        return examples.stream().mapToLong(Example::targetTokens).sum();
    }

    public int longest() {
        return examples.stream().mapToInt(Example::length).max().orElse(0);
    }
}
