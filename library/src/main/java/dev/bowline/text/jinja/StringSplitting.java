package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Arguments.Bound;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/// Taking strings apart.
final class StringSplitting {

    private static final String LINE_BREAKS = "\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029";

    private StringSplitting() {}

    static void register(Map<String, BiFunction<String, Arguments, Value>> methods) {
        methods.put("split", (text, arguments) -> {
            Bound bound = arguments.bind("split", "sep?", "maxsplit?");
            int most = bound.count(1, -1);
            return texts(bound.given(0).isEmpty() ? words(text, most) : between(text, separator(bound), most));
        });
        methods.put("rsplit", (text, arguments) -> {
            Bound bound = arguments.bind("rsplit", "sep?", "maxsplit?");
            int most = bound.count(1, -1);
            return texts(
                    bound.given(0).isEmpty()
                            ? wordsFromRight(text, most)
                            : betweenFromRight(text, separator(bound), most));
        });
        methods.put("splitlines", (text, arguments) -> {
            boolean keepsEnds = arguments.bind("splitlines", "keepends?").truth(0);
            return texts(keepsEnds ? linesWithEnds(text) : lines(text));
        });
        methods.put("partition", (text, arguments) -> {
            String separator = separator(arguments.bind("partition", "sep"));
            return partition(
                    text,
                    separator,
                    TextSearch.indexOf(text, separator, 0),
                    Value.tuple(Value.of(text), Value.EMPTY_TEXT, Value.EMPTY_TEXT));
        });
        methods.put("rpartition", (text, arguments) -> {
            String separator = separator(arguments.bind("rpartition", "sep"));
            return partition(
                    text,
                    separator,
                    TextSearch.lastIndexOf(text, separator, text.length()),
                    Value.tuple(Value.EMPTY_TEXT, Value.EMPTY_TEXT, Value.of(text)));
        });
    }

    private static Value partition(String text, String separator, int at, Value notFound) {
        if (at < 0) {
            return notFound;
        }
        return Value.tuple(
                Value.of(text.substring(0, at)),
                Value.of(separator),
                Value.of(text.substring(at + separator.length())));
    }

    private static String separator(Bound bound) {
        String separator = bound.text(0);
        if (separator.isEmpty()) {
            throw new TemplateFailure("empty separator");
        }
        return separator;
    }

    private static List<String> between(String text, String separator, int most) {
        List<String> parts = new ArrayList<>();
        int from = 0;
        for (int at = TextSearch.indexOf(text, separator, 0);
                at >= 0 && parts.size() != most;
                at = TextSearch.indexOf(text, separator, from)) {
            RenderBudget.madeItems(1);
            parts.add(text.substring(from, at));
            from = at + separator.length();
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static List<String> betweenFromRight(String text, String separator, int most) {
        List<String> parts = new ArrayList<>();
        int end = text.length();
        while (parts.size() != most) {
            int at = TextSearch.lastIndexOf(text, separator, end - separator.length());
            if (at < 0 || end < separator.length()) {
                break;
            }
            RenderBudget.madeItems(1);
            parts.add(text.substring(at + separator.length(), end));
            end = at;
        }
        parts.add(text.substring(0, end));
        Collections.reverse(parts);
        return parts;
    }

    private static List<String> words(String text, int most) {
        List<String> words = new ArrayList<>();
        int at = CodePoints.skipSpace(text, 0);
        while (at < text.length()) {
            if (words.size() == most) {
                words.add(text.substring(at));
                break;
            }
            int start = at;
            while (at < text.length() && !CodePoints.isSpace(text.charAt(at))) {
                at++;
            }
            RenderBudget.madeItems(1);
            words.add(text.substring(start, at));
            at = CodePoints.skipSpace(text, at);
        }
        return words;
    }

    private static List<String> wordsFromRight(String text, int most) {
        List<String> words = new ArrayList<>();
        String rest = CodePoints.stripTrailing(text);
        while (!rest.isEmpty()) {
            if (words.size() == most) {
                words.add(rest);
                break;
            }
            int start = rest.length();
            while (start > 0 && !CodePoints.isSpace(rest.charAt(start - 1))) {
                start--;
            }
            RenderBudget.madeItems(1);
            words.add(rest.substring(start));
            RenderBudget.read(start);
            rest = CodePoints.stripTrailing(rest.substring(0, start));
        }
        Collections.reverse(words);
        return words;
    }

    /// The lines of a text without their ends; a text that ends with a line break has no empty line after it.
    static List<String> lines(String text) {
        return linesWithEnds(text).stream().map(StringSplitting::withoutEnd).toList();
    }

    private static List<String> linesWithEnds(String text) {
        List<String> lines = new ArrayList<>();
        int start = 0;
        int at = 0;
        while (at < text.length()) {
            if (LINE_BREAKS.indexOf(text.charAt(at)) < 0) {
                at++;
                continue;
            }
            at += text.startsWith("\r\n", at) ? 2 : 1;
            RenderBudget.madeItems(1);
            lines.add(text.substring(start, at));
            start = at;
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }

    private static String withoutEnd(String line) {
        if (line.endsWith("\r\n")) {
            return line.substring(0, line.length() - 2);
        }
        boolean ended = !line.isEmpty() && LINE_BREAKS.indexOf(line.charAt(line.length() - 1)) >= 0;
        return ended ? line.substring(0, line.length() - 1) : line;
    }

    private static Value texts(List<String> parts) {
        return Value.list(parts.stream().map(Value::of).toList());
    }
}
