package dev.bowline.distributed;

import dev.bowline.BowlineException;
import dev.bowline.natives.NativePlatform;

/// The platforms on which libtorch has Gloo.
final class GlooSupport {

    private static final String SUPPORTED = "linux-x86_64";

    private GlooSupport() {}

    /// Refuses another platform before a native library is loaded.
    static void require() {
        require(NativePlatform.name());
    }

    static void require(String platform) {
        if (!platform.equals(SUPPORTED)) {
            throw new BowlineException(
                    "libtorch has no Gloo for %s, so several ranks cannot train here".formatted(platform),
                    "train in one process, or on %s".formatted(SUPPORTED));
        }
    }
}
