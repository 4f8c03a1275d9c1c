package dev.bowline.adapter.format;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// The shortest `target_modules` that select a set of modules and no other.
public final class TargetNames {

    private TargetNames() {}

    /// Names that PEFT matches as a whole or after a dot. A short name stands for every chosen module with that
    /// ending, if no other candidate has the ending.
    ///
    /// @param chosen full names of modules
    /// @param candidates the full names of all modules of the model that a target could match
    public static List<String> shortest(Collection<String> chosen, Collection<String> candidates) {
        Set<String> all = new TreeSet<>(candidates);
        all.addAll(chosen);
        Set<String> names = new TreeSet<>();
        collect(new TreeSet<>(chosen), all, 1, names);
        return List.copyOf(names);
    }

    private static void collect(Set<String> chosen, Set<String> candidates, int components, Set<String> names) {
        chosen.stream()
                .collect(Collectors.groupingBy(name -> ending(name, components)))
                .forEach((ending, members) -> {
                    Set<String> matched = candidates.stream()
                            .filter(name -> ModulePatterns.Named.matches(ending, name))
                            .collect(Collectors.toSet());
                    if (Set.copyOf(members).equals(matched) || members.equals(List.of(ending))) {
                        names.add(ending);
                    } else {
                        collect(Set.copyOf(members), matched, components + 1, names);
                    }
                });
    }

    private static String ending(String name, int components) {
        int at = name.length();
        for (int i = 0; i < components && at >= 0; i++) {
            at = name.lastIndexOf('.', at - 1);
        }
        return name.substring(at + 1);
    }
}
