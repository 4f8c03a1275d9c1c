package dev.bowline;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/// The fix of a failure or a finding: words, and operations of Bowline between them as data. A program shows each
/// operation under the name that its own users know, such as a command line.
///
/// @param parts in reading order, without separators
public record Fix(List<Part> parts) {

    /// Words or an operation.
    public sealed interface Part permits Words, Remedy {}

    /// Text for every reader.
    public record Words(String text) implements Part {}

    public Fix {
        parts = List.copyOf(parts);
    }

    public static Fix of(String words) {
        return new Fix(List.of(new Words(words)));
    }

    public static Fix of(Remedy remedy) {
        return new Fix(List.of(remedy));
    }

    /// Appends words.
    public Fix and(String words) {
        return and(new Words(words));
    }

    /// Appends an operation.
    public Fix and(Remedy remedy) {
        return and((Part) remedy);
    }

    /// Appends another fix.
    public Fix and(Fix next) {
        List<Part> all = new ArrayList<>(parts);
        all.addAll(next.parts);
        return new Fix(all);
    }

    private Fix and(Part part) {
        List<Part> all = new ArrayList<>(parts);
        all.add(part);
        return new Fix(all);
    }

    /// Returns true if the fix is one operation without words.
    public boolean isOperation() {
        return parts.size() == 1 && parts.getFirst() instanceof Remedy;
    }

    /// The operations, in reading order.
    public List<Remedy> remedies() {
        return parts.stream()
                .flatMap(part -> part instanceof Remedy remedy
                        ? Optional.of(remedy).stream()
                        : Optional.<Remedy>empty().stream())
                .toList();
    }

    /// The fix as one text, with `spelling` of every operation.
    public String text(Function<Remedy, String> spelling) {
        return parts.stream()
                .map(part -> switch (part) {
                    case Words(String text) -> text;
                    case Remedy remedy -> spelling.apply(remedy);
                })
                .collect(Collectors.joining());
    }

    /// The fix in words alone.
    @Override
    public String toString() {
        return text(Remedy::words);
    }
}
