package dev.bowline.train;

import dev.bowline.data.Example;
import dev.bowline.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// An example in the form that the model trains on.
///
/// @param section the section of the recipe
/// @param origin the place where it was read, `file:line`
/// @param tokens the tokens in order
public record TokenizedExample(String section, String origin, List<Token> tokens) {

    /// The use of a token in training: predicted or only read.
    public enum Use {
        READ,
        TRAINED
    }

    /// @param text the characters that the token adds to the text before it; a character made of several tokens
    ///     belongs to the last of them
    public record Token(int id, String text, Use use) {}

    public TokenizedExample {
        tokens = List.copyOf(tokens);
    }

    static TokenizedExample of(String section, Example example, Tokenizer tokenizer) {
        List<Token> tokens = new ArrayList<>();
        String before = "";
        for (int i = 0; i < example.length(); i++) {
            String text = tokenizer.decodeWithSpecialTokens(Arrays.copyOf(example.ids(), i + 1));
            boolean whole = !text.endsWith("\uFFFD") && text.startsWith(before);
            tokens.add(new Token(
                    example.ids()[i],
                    whole ? text.substring(before.length()) : "",
                    example.targets()[i] && i > 0 ? Use.TRAINED : Use.READ));
            before = whole ? text : before;
        }
        return new TokenizedExample(section, example.origin(), tokens);
    }

    public long trainable() {
        return tokens.stream().filter(token -> token.use() == Use.TRAINED).count();
    }
}
