package dev.bowline.natives;

import dev.bowline.BowlineException;
import java.util.List;

/// Native libraries of this platform are not on the class path.
public final class MissingNativesException extends BowlineException {

    private final transient List<String> artifacts;

    MissingNativesException(String library, List<String> artifacts, LinkageError failure) {
        super(
                "%s has no native libraries for %s on the class path".formatted(library, NativePlatform.name()),
                "add %s as runtime dependencies; README.md has the lines for Maven and Gradle"
                        .formatted(String.join(", ", artifacts)),
                failure);
        this.artifacts = List.copyOf(artifacts);
    }

    /// The artifacts that are missing, as `group:artifact:jar:classifier`.
    public List<String> artifacts() {
        return artifacts;
    }
}
