package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.text.AssistantMask.Masked;
import dev.bowline.text.jinja.Span;
import java.util.Arrays;
import java.util.List;

/// Text that is trained on without a chat template, as TRL does: the tokenizer's `eos_token` follows it unless it
/// ends with one, and the tokenizer's post-processor adds its tokens, such as a beginning-of-sequence token.
public final class PlainText {

    private PlainText() {}

    /// A text of which every token is trained on.
    ///
    /// @throws BowlineException if the tokenizer has no `eos_token`
    public static Masked text(String text, Tokenizer tokenizer) {
        TokenizedText tokens = tokenizer.encodeWithSpecialTokens(closed(text, tokenizer));
        return new Masked(tokens, new boolean[tokens.size()], List.of(), List.of()).everything();
    }

    /// A prompt and its completion. The tokens of the completion, one that begins in the prompt included, and the
    /// `eos_token` are trained on.
    ///
    /// @throws BowlineException if the tokenizer has no `eos_token`
    public static Masked completion(String prompt, String completion, Tokenizer tokenizer) {
        String text = prompt + closed(completion, tokenizer);
        TokenizedText tokens = tokenizer.encodeWithSpecialTokens(text);
        boolean[] trained = new boolean[tokens.size()];
        TokenRange range = TokenRange.of(tokens, List.of(new Span(prompt.length(), text.length())))
                .getFirst();
        Arrays.fill(trained, range.start(), range.end(), true);
        return new Masked(tokens, trained, List.of(tokens.id(range.end() - 1)), List.of());
    }

    private static String closed(String text, Tokenizer tokenizer) {
        String end = tokenizer
                .specialToken("eos_token")
                .orElseThrow(() -> new BowlineException(
                        "the tokenizer of %s has no eos_token, which ends every text without a chat template"
                                .formatted(tokenizer.directory()),
                        "name one in its tokenizer_config.json: \"eos_token\": \"</s>\""));
        return text.endsWith(end) ? text : text + end;
    }
}
