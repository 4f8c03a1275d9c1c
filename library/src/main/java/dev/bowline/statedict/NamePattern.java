package dev.bowline.statedict;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A tensor name with holes: `{}` for an index, `{rest}` for whatever else the name has, which must be something.
final class NamePattern {

    private static final String INDEX = "{}";
    private static final String REST = "{rest}";
    private static final Pattern HOLE = Pattern.compile("\\{[^}]*}");

    private final String text;
    private final List<String> holes = new ArrayList<>();
    private final Pattern regex;

    NamePattern(String text) {
        this.text = text;
        StringBuilder expression = new StringBuilder();
        Matcher hole = HOLE.matcher(text);
        int end = 0;
        while (hole.find()) {
            expression.append(Pattern.quote(text.substring(end, hole.start()))).append(expression(hole.group()));
            holes.add(hole.group());
            end = hole.end();
        }
        regex = Pattern.compile(expression + Pattern.quote(text.substring(end)));
    }

    /// The text in the holes of `name`; empty if `name` does not match.
    Optional<List<String>> match(String name) {
        Matcher matcher = regex.matcher(name);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        List<String> values = new ArrayList<>();
        for (int group = 1; group <= matcher.groupCount(); group++) {
            values.add(matcher.group(group));
        }
        return Optional.of(values);
    }

    /// The name with `values` in the holes.
    String fill(List<String> values) {
        StringBuilder name = new StringBuilder();
        Matcher hole = HOLE.matcher(text);
        int next = 0;
        while (hole.find()) {
            hole.appendReplacement(name, Matcher.quoteReplacement(values.get(next++)));
        }
        return hole.appendTail(name).toString();
    }

    /// The kinds of the holes, first to last.
    List<String> holes() {
        return List.copyOf(holes);
    }

    @Override
    public String toString() {
        return text;
    }

    private static String expression(String hole) {
        return switch (hole) {
            case INDEX -> "(0|[1-9][0-9]{0,8})";
            case REST -> "(.+)";
            default -> throw new IllegalArgumentException(hole + " is neither {} nor {rest}");
        };
    }
}
