package dev.bowline.generate;

/// Sees each token as it is chosen, the token that stops generation excepted.
@FunctionalInterface
public interface TokenListener {

    /// Whether to go on.
    enum Verdict {
        CONTINUE,
        STOP
    }

    /// Takes every token.
    TokenListener NONE = _ -> Verdict.CONTINUE;

    Verdict onToken(int token);
}
