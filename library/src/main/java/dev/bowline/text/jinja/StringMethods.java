package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Arguments.Bound;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.Collectors;

/// The methods of Python's `str`. Positions count code points.
final class StringMethods {

    private static final Map<String, BiFunction<String, Arguments, Value>> METHODS = new HashMap<>();

    static {
        plain("lower", StringCase::lower);
        plain("casefold", StringCase::lower);
        plain("upper", StringCase::upper);
        plain("title", StringCase::title);
        plain("capitalize", StringCase::capitalize);
        plain("swapcase", StringCase::swapCase);
        StringCase.QUESTIONS.forEach((name, question) -> METHODS.put(name, (text, arguments) -> {
            arguments.bind(name);
            return Value.of(question.test(text));
        }));
        METHODS.put("strip", (text, arguments) -> Value.of(trimmed("strip", text, arguments, Ends.BOTH)));
        METHODS.put("lstrip", (text, arguments) -> Value.of(trimmed("lstrip", text, arguments, Ends.LEFT)));
        METHODS.put("rstrip", (text, arguments) -> Value.of(trimmed("rstrip", text, arguments, Ends.RIGHT)));
        METHODS.put("startswith", (text, arguments) -> affix("startswith", text, arguments, Ends.LEFT));
        METHODS.put("endswith", (text, arguments) -> affix("endswith", text, arguments, Ends.RIGHT));
        METHODS.put("removeprefix", (text, arguments) -> {
            String prefix = arguments.bind("removeprefix", "prefix").text(0);
            return Value.of(text.startsWith(prefix) ? text.substring(prefix.length()) : text);
        });
        METHODS.put("removesuffix", (text, arguments) -> {
            String suffix = arguments.bind("removesuffix", "suffix").text(0);
            return Value.of(text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text);
        });
        METHODS.put("replace", (text, arguments) -> {
            Bound bound = arguments.bind("replace", "old", "new", "count?");
            return Value.of(StringSearch.replace(text, bound.text(0), bound.text(1), bound.count(2, -1)));
        });
        METHODS.put(
                "join",
                (text, arguments) ->
                        join(text, arguments.bind("join", "iterable").get(0)));
        METHODS.put("format", BraceFormat::format);
        StringSearch.register(METHODS);
        StringSplitting.register(METHODS);
        StringPadding.register(METHODS);
    }

    private enum Ends {
        LEFT,
        RIGHT,
        BOTH
    }

    private StringMethods() {}

    static Optional<Value> find(String text, String name) {
        return Optional.ofNullable(METHODS.get(name))
                .map(method -> new Function(name, arguments -> {
                    RenderBudget.read(text.length());
                    Value result = method.apply(text, arguments);
                    RenderBudget.madeValue(result);
                    return result;
                }));
    }

    private static void plain(String name, java.util.function.UnaryOperator<String> change) {
        METHODS.put(name, (text, arguments) -> {
            arguments.bind(name);
            return Value.of(change.apply(text));
        });
    }

    private static String trimmed(String name, String text, Arguments arguments, Ends ends) {
        Optional<Value> given = arguments.bind(name, "chars?").given(0);
        if (given.isEmpty()) {
            return switch (ends) {
                case LEFT -> CodePoints.stripLeading(text);
                case RIGHT -> CodePoints.stripTrailing(text);
                case BOTH -> CodePoints.strip(text);
            };
        }
        if (!(given.get() instanceof Value.Text(String set))) {
            throw new TemplateFailure("%s arg must be None or str".formatted(name));
        }
        String left = ends == Ends.RIGHT ? text : withoutLeading(text, set);
        return ends == Ends.LEFT ? left : withoutTrailing(left, set);
    }

    /// `text.strip(set)`
    static String strip(String text, String set) {
        return withoutTrailing(withoutLeading(text, set), set);
    }

    private static String withoutLeading(String text, String set) {
        int start = 0;
        while (start < text.length() && set.indexOf(text.codePointAt(start)) >= 0) {
            RenderBudget.read(set.length());
            start += Character.charCount(text.codePointAt(start));
        }
        return text.substring(start);
    }

    private static String withoutTrailing(String text, String set) {
        int end = text.length();
        while (end > 0 && set.indexOf(text.codePointBefore(end)) >= 0) {
            RenderBudget.read(set.length());
            end -= Character.charCount(text.codePointBefore(end));
        }
        return text.substring(0, end);
    }

    private static Value affix(String name, String text, Arguments arguments, Ends end) {
        Bound bound = arguments.bind(name, "affix", "start?", "end?");
        Value affixes = bound.get(0);
        List<Value> candidates = switch (affixes) {
            case Value.Text _ -> List.of(affixes);
            case Value.Sequence(Value.Sequence.Kind kind, var items) when kind == Value.Sequence.Kind.TUPLE -> items;
            default ->
                throw new TemplateFailure(
                        "%s first arg must be str or a tuple of str, not %s".formatted(name, TypeNames.of(affixes)));
        };
        String part = StringSearch.part(text, bound, 1);
        return Value.of(candidates.stream()
                .map(PythonText::text)
                .anyMatch(affix -> end == Ends.LEFT ? part.startsWith(affix) : part.endsWith(affix)));
    }

    private static Value join(String separator, Value items) {
        List<Value> parts = Iteration.items(items);
        long length = (long) separator.length() * parts.size();
        for (int i = 0; i < parts.size(); i++) {
            if (!(parts.get(i) instanceof Value.Text(String part))) {
                throw new TemplateFailure(
                        "sequence item %d: expected str instance, %s found".formatted(i, TypeNames.of(parts.get(i))));
            }
            length += part.length();
        }
        Arithmetic.requireLength(length);
        return Value.of(parts.stream().map(PythonText::text).collect(Collectors.joining(separator)));
    }
}
