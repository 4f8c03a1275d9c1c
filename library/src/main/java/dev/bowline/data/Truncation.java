package dev.bowline.data;

/// The treatment of an example that is longer than the sequence length.
public enum Truncation {
    /// Stop before training and name the example.
    ERROR,
    /// Leave the example out and count it.
    SKIP,
    /// Cut its beginning, so the answer stays whole; an answer that is too long by itself is an error.
    CUT_START,
    /// Cut its end; an example that would lose its whole answer is left out and counted.
    CUT_END
}
