package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Statement.Parameter;
import dev.bowline.text.jinja.Statement.Routine;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A body with parameters, and the scope it was defined in. Calling it gives what it prints.
final class Macro implements Value.Native {

    private static final String ANONYMOUS = "caller";

    private final String name;
    private final Routine routine;
    private final Scope definedIn;
    private final Executor executor;

    Macro(String name, Routine routine, Scope definedIn, Executor executor) {
        this.name = name;
        this.routine = routine;
        this.definedIn = definedIn;
        this.executor = executor;
    }

    static Macro caller(Routine routine, Scope definedIn, Executor executor) {
        return new Macro(ANONYMOUS, routine, definedIn, executor);
    }

    @Override
    public Value call(Arguments arguments) {
        Scope scope = definedIn.inner();
        Map<String, Value> named = new LinkedHashMap<>(arguments.named());
        List<Parameter> parameters = routine.parameters();
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i).name();
            if (i < arguments.positional().size()) {
                scope.set(parameter, arguments.positional().get(i));
            } else {
                Value given = named.remove(parameter);
                scope.set(parameter, given == null ? executor.defaultOf(parameters.get(i), scope) : given);
            }
        }
        bindExtras(scope, arguments.positional(), named);
        return executor.call("macro '%s'".formatted(name), routine.body(), scope);
    }

    private void bindExtras(Scope scope, List<Value> positional, Map<String, Value> named) {
        int expected = routine.parameters().size();
        if (routine.extras().contains("caller")
                && routine.parameters().stream().noneMatch(p -> p.name().equals("caller"))) {
            Value caller = named.remove("caller");
            scope.set("caller", caller == null ? new Undefined("No caller defined") : caller);
        }
        if (routine.extras().contains("kwargs")) {
            scope.set("kwargs", Value.mapping(named));
        } else if (!named.isEmpty()) {
            throw new TemplateFailure("macro '%s' takes no keyword argument '%s'"
                    .formatted(name, named.keySet().iterator().next()));
        }
        if (routine.extras().contains("varargs")) {
            int taken = Math.min(expected, positional.size());
            scope.set(
                    "varargs",
                    Value.tuple(positional.subList(taken, positional.size()).toArray(Value[]::new)));
        } else if (positional.size() > expected) {
            throw new TemplateFailure("macro '%s' takes not more than %d argument(s)".formatted(name, expected));
        }
    }

    @Override
    public Value attribute(String attribute) {
        return attribute.equals("name") ? Value.of(name) : Native.super.attribute(attribute);
    }

    @Override
    public String description() {
        return "<Macro '%s'>".formatted(name);
    }

    @Override
    public String pythonType() {
        return "Macro";
    }
}
