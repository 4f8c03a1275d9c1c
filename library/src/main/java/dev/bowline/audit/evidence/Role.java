package dev.bowline.audit.evidence;

/// Which of the two a tensor is.
public enum Role {
    HEAD("head"),
    EMBEDDING("input embedding");

    private final String text;

    Role(String text) {
        this.text = text;
    }

    @Override
    public String toString() {
        return text;
    }
}
