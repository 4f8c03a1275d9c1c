package dev.bowline.ties;

import dev.bowline.BowlineException;

/// The output heads that an architecture can build. The config of the checkpoint chooses one.
public enum TieSupport {
    /// A tied head and a separate one.
    BOTH,
    /// A tied head only.
    TIED_ONLY,
    /// A separate head only.
    UNTIED_ONLY;

    /// Refuses a config that asks for a head this architecture cannot build.
    ///
    /// @param flag the controlling flag of the *original* config
    public void require(String architecture, TieFlag flag) {
        boolean supported = switch (this) {
            case BOTH -> true;
            case TIED_ONLY -> flag.tied();
            case UNTIED_ONLY -> !flag.tied();
        };
        if (!supported) {
            throw new BowlineException(
                    "%s is %s, but %s".formatted(architecture, this, flag.describe()),
                    flag.tied()
                            ? "set tie_word_embeddings to false at the top level of config.json; a tied request would"
                                    + " leave this architecture's separate head random"
                            : "set tie_word_embeddings to true at the top level of config.json; this architecture has"
                                    + " no separate head to load");
        }
    }
}
