package dev.bowline.distributed;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// The facts that all ranks of a run must agree on, as names and values, in the order in which a difference is
/// reported.
///
/// @param lines value by name, without line feeds
public record Fingerprint(SequencedMap<String, String> lines) {

    private static final String NONE = "nothing";

    /// One fact that two ranks do not agree on.
    public record Difference(String name, String here, String there) {}

    public Fingerprint {
        lines = java.util.Collections.unmodifiableSequencedMap(new LinkedHashMap<>(lines));
    }

    public static Fingerprint empty() {
        return new Fingerprint(new LinkedHashMap<>());
    }

    /// The same with one more fact.
    public Fingerprint with(String name, String value) {
        SequencedMap<String, String> more = new LinkedHashMap<>(lines);
        more.put(name, value);
        return new Fingerprint(more);
    }

    /// The first fact that differs, in this order; then a fact that only `other` has.
    public Optional<Difference> firstDifference(Fingerprint other) {
        for (Map.Entry<String, String> line : lines.entrySet()) {
            String there = other.lines.getOrDefault(line.getKey(), NONE);
            if (!there.equals(line.getValue())) {
                return Optional.of(new Difference(line.getKey(), line.getValue(), there));
            }
        }
        return other.lines.entrySet().stream()
                .filter(line -> !lines.containsKey(line.getKey()))
                .findFirst()
                .map(line -> new Difference(line.getKey(), NONE, line.getValue()));
    }

    /// Names and values on lines of their own.
    String text() {
        StringBuilder text = new StringBuilder();
        lines.forEach((name, value) ->
                text.append(oneLine(name)).append('\n').append(oneLine(value)).append('\n'));
        return text.toString();
    }

    static Fingerprint parse(String text) {
        SequencedMap<String, String> lines = new LinkedHashMap<>();
        String[] parts = text.split("\n", -1);
        for (int i = 0; i + 1 < parts.length; i += 2) {
            lines.put(parts[i], parts[i + 1]);
        }
        return new Fingerprint(lines);
    }

    private static String oneLine(String text) {
        return text.replace('\n', ' ');
    }
}
