package dev.bowline.adapter.merge;

/// The modules that a change is made to, as a report counts them.
public enum Kind {
    /// Projections of attention, feed-forward or router.
    LINEAR("linears"),
    /// Stacked experts.
    EXPERTS("experts"),
    EMBEDDING("input embedding"),
    HEAD("head"),
    /// Modules that were trained whole (`modules_to_save`).
    SAVED_MODULE("saved modules"),
    /// Rows of an embedding (`trainable_token_indices`).
    TOKEN_ROWS("token rows");

    private final String text;

    Kind(String text) {
        this.text = text;
    }

    /// The words of a report.
    public String text() {
        return text;
    }
}
