package dev.bowline.train;

import dev.bowline.data.Example;
import dev.bowline.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// An example as a model will see it.
///
/// @param section of the recipe that it belongs to
/// @param origin where it was read, `file:line`
/// @param tokens in order
public record TokenizedExample(String section, String origin, List<Token> tokens) {

    /// Whether a token is predicted in training or only read.
    public enum Use {
        READ,
        TRAINED
    }

    /// @param text what the token adds to the text before it; of a character in several tokens, the last has it
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
