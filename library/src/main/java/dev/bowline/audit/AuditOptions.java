package dev.bowline.audit;

import java.nio.file.Path;
import java.util.Optional;

/// What else an audit looks at.
///
/// @param base the checkpoint this one was made from
/// @param adapter a PEFT adapter that would be merged into it
public record AuditOptions(Optional<Path> base, Optional<Path> adapter) {

    public static final AuditOptions NONE = new AuditOptions(Optional.empty(), Optional.empty());
}
