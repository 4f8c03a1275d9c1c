package dev.bowline.audit.repair;

import dev.bowline.Remedy;
import dev.bowline.Remedy.Decision;
import dev.bowline.audit.evidence.BowlineLoad;
import dev.bowline.audit.evidence.Role;
import java.util.List;
import java.util.Optional;

/// The decisions of the owner, where the files do not decide.
///
/// @param keep loses the other of two values that differ; empty loses nothing
/// @param declare the flag where it may be either; empty lets the bytes decide
/// @param rebuildsRows whether dead rows of the input embedding are made up from the head's
/// @param load Bowline's own load, for the audits before and after
public record RepairOptions(
        Optional<Role> keep, Optional<Declare> declare, boolean rebuildsRows, Optional<BowlineLoad> load) {

    public RepairOptions(Optional<Role> keep, Optional<Declare> declare) {
        this(keep, declare, false);
    }

    public RepairOptions(Optional<Role> keep, Optional<Declare> declare, boolean rebuildsRows) {
        this(keep, declare, rebuildsRows, Optional.empty());
    }

    /// Returns the options that a fix asks for.
    public static RepairOptions of(List<Remedy.Decision> decisions) {
        Optional<Role> keep = decisions.contains(Decision.KEEP_HEAD)
                ? Optional.of(Role.HEAD)
                : decisions.contains(Decision.KEEP_EMBEDDING) ? Optional.of(Role.EMBEDDING) : Optional.empty();
        Optional<Declare> declare = decisions.contains(Decision.TIED)
                ? Optional.of(Declare.TIED)
                : decisions.contains(Decision.UNTIED) ? Optional.of(Declare.UNTIED) : Optional.empty();
        return new RepairOptions(keep, declare, decisions.contains(Decision.REBUILD_ROWS));
    }

    /// The same, with a view of Bowline's own load in every audit.
    public RepairOptions with(BowlineLoad bowline) {
        return new RepairOptions(keep, declare, rebuildsRows, Optional.of(bowline));
    }

    /// Which flag.
    public enum Declare {
        TIED,
        UNTIED
    }

    public static final RepairOptions LOSSLESS = new RepairOptions(Optional.empty(), Optional.empty());
}
