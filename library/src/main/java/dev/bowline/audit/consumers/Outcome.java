package dev.bowline.audit.consumers;

/// The pair that a consumer ends up with.
public enum Outcome {
    /// Head and embedding are one value.
    TIED("tied"),
    /// Each has its own value from the file.
    UNTIED("untied"),
    /// The head, or the embedding, or both are left as initialised.
    RANDOM("random"),
    /// It refuses the checkpoint.
    FAILS("load fails"),
    /// It has no model of this architecture.
    UNSUPPORTED("not supported");

    private final String text;

    Outcome(String text) {
        this.text = text;
    }

    @Override
    public String toString() {
        return text;
    }
}
