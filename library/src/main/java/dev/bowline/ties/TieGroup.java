package dev.bowline.ties;

import java.util.List;
import java.util.Optional;

/// One tied value in a [TieLedger].
///
/// @param name the name of the group: `lm_head`
/// @param canonical the name under which the value is written
/// @param aliases the other names that reach it; empty for a head that is separate
/// @param flag the flag that decided, and its level
/// @param hashAtLoad SHA-256 of the canonical tensor's bytes as read, if it was loaded
/// @param hashAtSave SHA-256 of the canonical tensor's bytes as written and read back, if it was saved
public record TieGroup(
        String name,
        String canonical,
        List<String> aliases,
        TieFlag flag,
        Optional<String> hashAtLoad,
        Optional<String> hashAtSave) {

    public TieGroup {
        aliases = List.copyOf(aliases);
    }

    public TieGroup withHashAtSave(String hash) {
        return new TieGroup(name, canonical, aliases, flag, hashAtLoad, Optional.of(hash));
    }
}
