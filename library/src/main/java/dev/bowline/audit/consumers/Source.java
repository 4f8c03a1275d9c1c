package dev.bowline.audit.consumers;

import java.util.Locale;

/// Which tensor of the file a loaded weight has the values of.
public enum Source {
    HEAD,
    EMBEDDING,
    /// Both have the same values.
    BOTH,
    /// Neither: it is as initialised.
    RANDOM,
    /// Nothing was loaded.
    NONE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
