package dev.bowline.distributed;

import dev.bowline.BowlineException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Environment variables that must be there together, each of the right form.
///
/// @param declared the noun for the declared thing, for messages: `a world of ranks`
record Variables(Map<String, String> environment, String declared) {

    Variables {
        environment = Map.copyOf(environment);
    }

    /// An empty variable counts as absent, because a shell sets a variable to nothing more easily than it unsets it.
    boolean has(String name) {
        return !value(name).isBlank();
    }

    boolean hasAny(String... names) {
        return Arrays.stream(names).anyMatch(this::has);
    }

    /// The value; empty text for a variable that is absent.
    String value(String name) {
        return environment.getOrDefault(name, "");
    }

    /// @throws BowlineException with the names of those that are absent
    void requireAll(List<String> names) {
        List<String> missing = names.stream().filter(name -> !has(name)).toList();
        if (missing.isEmpty()) {
            return;
        }
        List<String> present = names.stream().filter(this::has).toList();
        throw new BowlineException(
                "the environment declares %s with %s and without %s"
                        .formatted(declared, String.join(", ", present), String.join(", ", missing)),
                "set %s, or unset %s to train in one process"
                        .formatted(String.join(" and ", missing), String.join(" and ", present)));
    }

    int number(String name, int least, int most) {
        String text = value(name).strip();
        if (text.matches("\\d{1,9}")) {
            int value = Integer.parseInt(text);
            if (value >= least && value <= most) {
                return value;
            }
        }
        throw wrong(name, "an integer from %d to %d".formatted(least, most));
    }

    /// @param expected completes "and not …"
    BowlineException wrong(String name, String expected) {
        return new BowlineException(
                "the environment variable %s is '%s', and not %s".formatted(name, value(name), expected),
                "correct it, or unset the variables that declare %s to train in one process".formatted(declared));
    }
}
