package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Mapping;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Values that stand under one key and are read under another.
final class AutoModelRelocations {

    /// A value on its way to another key.
    record Relocation(String from, String to, YamlValue value) {}

    private final Problems problems;
    private final Notes notes;
    private final Set<String> refused;
    private final List<Relocation> relocations = new ArrayList<>();

    /// @param refused sections that nothing is moved to
    AutoModelRelocations(Problems problems, Notes notes, Set<String> refused) {
        this.problems = problems;
        this.notes = notes;
        this.refused = refused;
    }

    void add(Relocation relocation) {
        relocations.add(relocation);
    }

    /// A flag goes before the file, under whichever of the two names it is given.
    Mapping relocate(Mapping walked) {
        Mapping moved = walked;
        for (Relocation relocation : relocations) {
            List<String> to = Key.segments(relocation.to());
            boolean isOfNoSection = to.getFirst().equals("validation_dataset")
                    && walked.entry(to.getFirst()).isEmpty();
            if (isOfNoSection || refused.contains(to.getFirst())) {
                continue;
            }
            Optional<YamlValue> there = moved.find(to);
            boolean isFlag = relocation.value().at() instanceof Origin.OnFlag;
            if (there.isPresent()
                    && AutoModelValues.written(there.get()).equals(AutoModelValues.written(relocation.value()))) {
                notes.ignored(
                        relocation.value().at(), relocation.from(), "%s says the same".formatted(relocation.to()));
                continue;
            }
            if (there.isPresent() && !isFlag && !(there.get().at() instanceof Origin.OnFlag)) {
                problems.add(
                        relocation.value().at(),
                        "%s is given twice, here as %s".formatted(relocation.to(), relocation.from()),
                        "keep " + relocation.to());
            } else if (there.isEmpty() || isFlag) {
                moved = moved.with(to, relocation.value());
                notes.translated(
                        relocation.value().at(),
                        relocation.from(),
                        "read as %s: %s".formatted(relocation.to(), AutoModelValues.written(relocation.value())));
            }
        }
        return moved;
    }
}
