package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Arguments.Bound;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Filters on texts. Most take any value and work on how it prints.
final class TextFilters {

    private static final Pattern TITLE_WORD =
            Pattern.compile("[-\\s(\\[{<]+|[^-\\s(\\[{<]+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final int TRUNCATE_LEEWAY = 5;

    private TextFilters() {}

    static void register(Map<String, Filters.Filter> filters) {
        plain(filters, "upper", StringCase::upper);
        plain(filters, "lower", StringCase::lower);
        plain(filters, "capitalize", StringCase::capitalize);
        plain(filters, "title", TextFilters::title);
        plain(filters, "string", UnaryOperator.identity());
        plain(filters, "safe", UnaryOperator.identity());
        plain(filters, "escape", TextFilters::escape);
        plain(filters, "e", TextFilters::escape);
        plain(filters, "forceescape", TextFilters::escape);
        filters.put("trim", (input, arguments) -> {
            Bound bound = arguments.bind("trim", "chars?");
            String text = PythonText.text(input);
            return Value.of(
                    bound.given(0).isEmpty() ? CodePoints.strip(text) : StringMethods.strip(text, bound.text(0)));
        });
        filters.put("replace", TextFilters::replace);
        filters.put("indent", TextFilters::indent);
        filters.put("center", (input, arguments) -> {
            Bound bound = arguments.bind("center", "width?");
            return Value.of(StringPadding.center(PythonText.text(input), bound.count(0, 80), " "));
        });
        filters.put("format", (input, arguments) -> {
            Value given = arguments.named().isEmpty()
                    ? Value.tuple(arguments.positional().toArray(Value[]::new))
                    : Value.mapping(arguments.named());
            return Value.of(PrintfFormat.format(PythonText.text(input), given));
        });
        filters.put("truncate", TextFilters::truncate);
        filters.put("wordcount", (input, arguments) -> {
            arguments.bind("wordcount");
            return Value.of(WORD.matcher(PythonText.text(input)).results().count());
        });
        filters.put("urlencode", (input, arguments) -> {
            arguments.bind("urlencode");
            return Value.of(urlEncode(input));
        });
    }

    private static void plain(Map<String, Filters.Filter> filters, String name, UnaryOperator<String> change) {
        filters.put(name, (input, arguments) -> {
            arguments.bind(name);
            return Value.of(change.apply(PythonText.text(input)));
        });
    }

    /// Unlike the method of the same name, a letter after an apostrophe stays small.
    private static String title(String text) {
        StringBuilder title = new StringBuilder();
        for (Matcher word = TITLE_WORD.matcher(text); word.find(); ) {
            int first = word.group().offsetByCodePoints(0, 1);
            title.append(StringCase.upper(word.group().substring(0, first)))
                    .append(StringCase.lower(word.group().substring(first)));
        }
        return title.toString();
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace(">", "&gt;")
                .replace("<", "&lt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    }

    private static Value replace(Value input, Arguments arguments) {
        Bound bound = arguments.bind("replace", "old", "new", "count?");
        return Value.of(StringSearch.replace(
                PythonText.text(input),
                PythonText.text(bound.get(0)),
                PythonText.text(bound.get(1)),
                bound.count(2, -1)));
    }

    private static Value indent(Value input, Arguments arguments) {
        Bound bound = arguments.bind("indent", "width?", "first?", "blank?");
        Arithmetic.requireDefined(input);
        if (!(input instanceof Value.Text(String text))) {
            throw new TemplateFailure(
                    "unsupported operand type(s) for +=: '%s' and 'str'".formatted(TypeNames.of(input)));
        }
        String indentation = indentation(bound.orElse(0, Value.of(4)));
        List<String> lines = StringSplitting.lines(text + "\n");
        Arithmetic.requireLength(text.length() + (long) indentation.length() * lines.size());
        boolean indentsBlank = bound.truth(2);
        String rest = lines.stream()
                .skip(1)
                .map(line -> "\n" + (line.isEmpty() && !indentsBlank ? line : indentation + line))
                .collect(Collectors.joining());
        return Value.of((bound.truth(1) ? indentation : "") + lines.getFirst() + rest);
    }

    private static String indentation(Value width) {
        if (width instanceof Value.Text(String text)) {
            return text;
        }
        int blanks = Math.max(0, Numbers.count(width));
        Arithmetic.requireLength(blanks);
        return " ".repeat(blanks);
    }

    private static Value truncate(Value input, Arguments arguments) {
        Bound bound = arguments.bind("truncate", "length?", "killwords?", "end?", "leeway?");
        String text = PythonText.text(input);
        String end = bound.text(2, "...");
        int length = bound.count(0, 255);
        int kept = length - CodePoints.length(end);
        if (kept < 0) {
            throw new TemplateFailure("expected length >= %d, got %d".formatted(CodePoints.length(end), length));
        }
        if (CodePoints.length(text) <= length + bound.count(3, TRUNCATE_LEEWAY)) {
            return Value.of(text);
        }
        String cut = CodePoints.part(text, 0, kept);
        int lastBlank = cut.lastIndexOf(' ');
        return Value.of((bound.truth(1) || lastBlank < 0 ? cut : cut.substring(0, lastBlank)) + end);
    }

    private static String urlEncode(Value input) {
        Optional<List<Value>> pairs = switch (input) {
            case Value.Mapping mapping -> Optional.of(ContainerMethods.pairs(mapping));
            case Value.Sequence(var _, var items) -> Optional.of(items);
            default -> Optional.empty();
        };
        if (pairs.isEmpty()) {
            return percentEncoded(PythonText.text(input)).replace("%2F", "/");
        }
        return pairs.get().stream()
                .map(Iteration::items)
                .map(pair -> formEncoded(PythonText.text(pair.getFirst())) + "="
                        + formEncoded(PythonText.text(pair.getLast())))
                .collect(Collectors.joining("&"));
    }

    private static String percentEncoded(String text) {
        return formEncoded(text).replace("+", "%20");
    }

    private static String formEncoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8)
                .replace("*", "%2A")
                .replace("%7E", "~");
    }
}
