package dev.bowline.generate;

import dev.bowline.model.LanguageModel;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Conversation;
import dev.bowline.text.TextStream;
import dev.bowline.text.Tokenizer;
import java.util.function.Consumer;

/// Generation from text to text. The new text is passed on while it is generated.
///
/// A text generation is for one thread. It borrows the model and the tokenizer and owns the cache, which serves
/// the turns of one chat.
public final class TextGeneration implements AutoCloseable {

    /// @param text without special tokens
    public record Answer(String text, Continuation continuation) {}

    private final Generation generation;
    private final Tokenizer tokenizer;
    private final int rows;

    public TextGeneration(LanguageModel model, Tokenizer tokenizer) {
        generation = new Generation(model);
        this.tokenizer = tokenizer;
        rows = model.vocabularySize();
    }

    /// Continues `text`, with the tokens that the tokenizer's post-processor adds, such as a beginning-of-sequence
    /// token.
    ///
    /// @param pieces receives the new text, each piece when no later token can change it
    /// @throws dev.bowline.BowlineException if the text has a token that the model has no embedding for
    public Answer complete(String text, GenerationSettings settings, Consumer<String> pieces) {
        return generate(tokenizer.encodePrompt(text), settings, pieces);
    }

    /// Answers the last turn of a conversation.
    ///
    /// @param pieces receives the answer, each piece when no later token can change it
    /// @throws dev.bowline.BowlineException if the conversation has a token that the model has no embedding for
    public Answer answer(
            ChatTemplate template, Conversation conversation, GenerationSettings settings, Consumer<String> pieces) {
        String prompt = template.text(conversation, ChatTemplate.End.GENERATION_PROMPT);
        return generate(tokenizer.encode(prompt), settings, pieces);
    }

    private Answer generate(int[] prompt, GenerationSettings settings, Consumer<String> pieces) {
        tokenizer.requireRows(prompt, rows, "the prompt");
        StringBuilder text = new StringBuilder();
        Consumer<String> keep = piece -> {
            if (!piece.isEmpty()) {
                text.append(piece);
                pieces.accept(piece);
            }
        };
        TextStream stream = new TextStream(tokenizer);
        Continuation continuation = generation.generate(prompt, settings, token -> {
            keep.accept(stream.add(token));
            return TokenListener.Verdict.CONTINUE;
        });
        keep.accept(stream.finish());
        return new Answer(text.toString(), continuation);
    }

    @Override
    public void close() {
        generation.close();
    }
}
