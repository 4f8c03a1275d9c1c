package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Conversation;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/// Tokenised examples and what became of the others.
///
/// @param rows rows that were read
/// @param plain rows that no chat template wrote
/// @param divided the rows that became several examples
/// @param cut examples that lost tokens
/// @param ends the tokens at the end of the trained answers
/// @param unwritten the text of trained answers that the chat template does not write
/// @param skipped where the examples were that are left out, and why
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

    /// Conversations of a program, written by the tokenizer's chat template; every assistant message is
    /// trained on, and nothing else.
    ///
    /// @param longest tokens that an example may have; a longer one is an error
    /// @throws BowlineException if there is no chat template, or a conversation is not one that can be trained on
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
