package dev.bowline.audit;

import dev.bowline.audit.evidence.BowlineLoad;
import java.nio.file.Path;
import java.util.Optional;

/// The options of an audit.
///
/// @param base the checkpoint this one was made from
/// @param adapter a PEFT adapter that would be merged into it
/// @param load Bowline's own load; without it the audit has no view of [Consumer#BOWLINE]
public record AuditOptions(Optional<Path> base, Optional<Path> adapter, Optional<BowlineLoad> load) {

    public static final AuditOptions NONE = new AuditOptions(Optional.empty(), Optional.empty());

    public AuditOptions(Optional<Path> base, Optional<Path> adapter) {
        this(base, adapter, Optional.empty());
    }

    /// The same, with a view of Bowline's own load.
    public AuditOptions with(BowlineLoad bowline) {
        return new AuditOptions(base, adapter, Optional.of(bowline));
    }

    public static AuditOptions of(Optional<BowlineLoad> load) {
        return new AuditOptions(Optional.empty(), Optional.empty(), load);
    }
}
