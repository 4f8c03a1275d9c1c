package dev.bowline.generate;

/// Receives each chosen token, except the token that stops generation.
@FunctionalInterface
public interface TokenListener {

    /// The decision of a listener about the next token.
    enum Verdict {
        CONTINUE,
        STOP
    }

    /// Accepts every token.
    TokenListener NONE = _ -> Verdict.CONTINUE;

    Verdict onToken(int token);
}
