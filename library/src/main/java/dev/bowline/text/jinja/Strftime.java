package dev.bowline.text.jinja;

import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/// Dates in the notation of C's `strftime`, in English.
final class Strftime {

    private static final Map<Character, String> PATTERNS = Map.ofEntries(
            Map.entry('c', "EEE MMM ppd HH:mm:ss yyyy"),
            Map.entry('e', "ppd"),
            Map.entry('f', "SSSSSS"),
            Map.entry('h', "MMM"),
            Map.entry('k', "ppH"),
            Map.entry('l', "pph"),
            Map.entry('n', "'\n'"),
            Map.entry('r', "hh:mm:ss a"),
            Map.entry('t', "'\t'"),
            Map.entry('x', "MM/dd/yy"),
            Map.entry('X', "HH:mm:ss"),
            Map.entry('a', "EEE"),
            Map.entry('A', "EEEE"),
            Map.entry('b', "MMM"),
            Map.entry('B', "MMMM"),
            Map.entry('d', "dd"),
            Map.entry('D', "MM/dd/yy"),
            Map.entry('F', "yyyy-MM-dd"),
            Map.entry('H', "HH"),
            Map.entry('I', "hh"),
            Map.entry('j', "DDD"),
            Map.entry('m', "MM"),
            Map.entry('M', "mm"),
            Map.entry('p', "a"),
            Map.entry('R', "HH:mm"),
            Map.entry('S', "ss"),
            Map.entry('T', "HH:mm:ss"),
            Map.entry('y', "yy"),
            Map.entry('Y', "yyyy"));

    private Strftime() {}

    static String format(String format, ZonedDateTime time) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                text.append(c);
                continue;
            }
            char directive = format.charAt(++i);
            boolean unpadded = directive == '-' && i + 1 < format.length();
            if (unpadded) {
                directive = format.charAt(++i);
            }
            String part = directive(directive, time);
            text.append(unpadded && part.length() > 1 ? part.replaceFirst("^[0 ]+(?=.)", "") : part);
        }
        return text.toString();
    }

    private static String directive(char directive, ZonedDateTime time) {
        if (directive == '%') {
            return "%";
        }
        if (directive == 'u') {
            return String.valueOf(time.getDayOfWeek().getValue());
        }
        if (directive == 'w') {
            return String.valueOf(time.getDayOfWeek().getValue() % 7);
        }
        String pattern = PATTERNS.get(directive);
        if (pattern == null) {
            throw new TemplateFailure("strftime_now does not know %%%c".formatted(directive));
        }
        return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time);
    }
}
