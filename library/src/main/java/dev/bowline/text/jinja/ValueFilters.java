package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Arguments.Bound;
import dev.bowline.text.jinja.Expression.Operator;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;
import java.util.Optional;

/// Filters on single values: defaults, attributes and numbers.
final class ValueFilters {

    /// More digits than any number of a template has, before its point or after it.
    private static final int MAX_PLACES = 100_000;

    private ValueFilters() {}

    static void register(Map<String, Filters.Filter> filters) {
        filters.put("default", ValueFilters::orDefault);
        filters.put("d", ValueFilters::orDefault);
        filters.put("attr", ValueFilters::attribute);
        filters.put("abs", (input, arguments) -> {
            arguments.bind("abs");
            return absolute(input);
        });
        filters.put("int", ValueFilters::whole);
        filters.put("float", (input, arguments) -> {
            Bound bound = arguments.bind("float", "default?");
            return PythonNumbers.real(input).orElse(bound.orElse(0, Value.of(0.0)));
        });
        filters.put("round", ValueFilters::round);
    }

    private static Value orDefault(Value input, Arguments arguments) {
        Bound bound = arguments.bind("default", "default_value?", "boolean?");
        boolean missing = input instanceof Value.Undefined || (bound.truth(1) && !Truthiness.of(input));
        return missing ? bound.orElse(0, Value.EMPTY_TEXT) : input;
    }

    private static Value attribute(Value input, Arguments arguments) {
        String name = arguments.bind("attr", "name").text(0);
        boolean keyed = input instanceof Value.Mapping(var entries) && entries.containsKey(Value.of(name));
        Value found = Attributes.attribute(input, name);
        // A key of a dict is not an attribute of it.
        return keyed && !(found instanceof Function)
                ? new Value.Undefined("'dict object' has no attribute '%s'".formatted(name))
                : found;
    }

    private static Value absolute(Value input) {
        if (!Numbers.isNumber(input)) {
            throw new TemplateFailure("bad operand type for abs(): '%s'".formatted(TypeNames.of(input)));
        }
        if (input instanceof Value.Real(double number)) {
            return Value.of(Math.abs(number));
        }
        return new Value.Whole(Numbers.whole(input).abs());
    }

    private static Value whole(Value input, Arguments arguments) {
        Bound bound = arguments.bind("int", "default?", "base?");
        Value otherwise = bound.orElse(0, Value.of(0));
        return switch (input) {
            case Value.Text(String text) ->
                PythonNumbers.whole(text, bound.count(1, 10))
                        .or(() -> PythonNumbers.real(input).flatMap(ValueFilters::truncated))
                        .orElse(otherwise);
            case Value.Real _ -> truncated(input).orElse(otherwise);
            case Value.Bool _, Value.Whole _ -> new Value.Whole(Numbers.whole(input));
            case Value.Undefined(String message) -> throw new TemplateFailure(message);
            default -> otherwise;
        };
    }

    private static Optional<Value> truncated(Value real) {
        double number = Numbers.real(real);
        return Double.isFinite(number)
                ? Optional.of(new Value.Whole(new BigDecimal(number).toBigInteger()))
                : Optional.empty();
    }

    private static Value round(Value input, Arguments arguments) {
        Bound bound = arguments.bind("round", "precision?", "method?");
        int places = Math.clamp(bound.count(0, 0), -MAX_PLACES, MAX_PLACES);
        String method = bound.text(1, "common");
        return switch (method) {
            case "common" -> common(input, places);
            case "ceil" -> towards(input, places, RoundingMode.CEILING);
            case "floor" -> towards(input, places, RoundingMode.FLOOR);
            default -> throw new TemplateFailure("method must be common, ceil or floor");
        };
    }

    private static Value common(Value input, int places) {
        Arithmetic.requireDefined(input);
        if (Numbers.isWhole(input)) {
            BigInteger number = Numbers.whole(input);
            return new Value.Whole(
                    places >= 0
                            ? number
                            : new BigDecimal(number)
                                    .setScale(places, RoundingMode.HALF_EVEN)
                                    .toBigInteger());
        }
        if (!(input instanceof Value.Real(double number))) {
            throw new TemplateFailure("type %s doesn't define __round__ method".formatted(TypeNames.of(input)));
        }
        if (!Double.isFinite(number) || places > 400) {
            return input;
        }
        return Value.of(
                new BigDecimal(number).setScale(places, RoundingMode.HALF_EVEN).doubleValue());
    }

    private static Value towards(Value input, int places, RoundingMode mode) {
        Value scale = Arithmetic.apply(Operator.POWER, Value.of(10), Value.of(places));
        double scaled = Numbers.real(Arithmetic.apply(Operator.MULTIPLY, input, scale));
        Value rounded = new Value.Whole(new BigDecimal(scaled).setScale(0, mode).toBigInteger());
        return Arithmetic.apply(Operator.DIVIDE, rounded, scale);
    }
}
