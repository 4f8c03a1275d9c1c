package dev.bowline.text.jinja;

import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The names every chat template finds defined.
final class Globals {

    private static final int MAX_RANGE = 100_000;

    private Globals() {}

    static Map<String, Value> at(Clock clock) {
        Map<String, Value> globals = new HashMap<>();
        define(globals, "range", Globals::range);
        define(globals, "dict", ContainerMethods::dict);
        define(globals, "namespace", Namespace::create);
        define(globals, "cycler", Cycler::create);
        define(globals, "joiner", Joiner::create);
        define(globals, "raise_exception", arguments -> {
            throw new TemplateFailure(
                    PythonText.text(arguments.bind("raise_exception", "message").get(0)));
        });
        define(globals, "strftime_now", arguments -> {
            String format = arguments.bind("strftime_now", "format").text(0);
            return Value.of(Strftime.format(format, ZonedDateTime.now(clock)));
        });
        return globals;
    }

    private static void define(Map<String, Value> globals, String name, Function.Body body) {
        globals.put(name, new Function(name, body));
    }

    private static Value range(Arguments arguments) {
        List<Value> given = arguments.positional();
        if (given.isEmpty() || given.size() > 3 || !arguments.named().isEmpty()) {
            throw new TemplateFailure("range expected 1 to 3 arguments, got %d".formatted(arguments.count()));
        }
        given.forEach(Arithmetic::requireDefined);
        long start = given.size() == 1 ? 0 : Numbers.count(given.get(0));
        long stop = Numbers.count(given.get(given.size() == 1 ? 0 : 1));
        long step = given.size() == 3 ? Numbers.count(given.get(2)) : 1;
        if (step == 0) {
            throw new TemplateFailure("range() arg 3 must not be zero");
        }
        long length = Math.max(0, Math.ceilDiv(stop - start, step));
        if (length > MAX_RANGE) {
            throw new TemplateFailure(
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).".formatted(MAX_RANGE));
        }
        RenderBudget.madeItems(length);
        List<Value> items = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            items.add(Value.of(start + i * step));
        }
        return new Value.Range(start, stop, step, items);
    }
}
