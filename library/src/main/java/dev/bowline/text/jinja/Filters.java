package dev.bowline.text.jinja;

import dev.bowline.NearestNames;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/// Jinja's filters by name.
final class Filters {

    @FunctionalInterface
    interface Filter {
        Value apply(Value input, Arguments arguments);
    }

    private static final Map<String, Filter> FILTERS = new HashMap<>();

    /// Filters of Jinja that make HTML, chance or debugging output; no chat template has a use for them.
    private static final Set<String> NOT_HERE =
            Set.of("filesizeformat", "groupby", "pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr");

    static {
        FILTERS.put("tojson", JsonText::filter);
        ValueFilters.register(FILTERS);
        TextFilters.register(FILTERS);
        SequenceFilters.register(FILTERS);
        SelectionFilters.register(FILTERS);
    }

    private Filters() {}

    static boolean exists(String name) {
        return FILTERS.containsKey(name);
    }

    static Value apply(String name, Value input, Arguments arguments) {
        Filter filter = FILTERS.get(name);
        if (filter == null) {
            throw new TemplateFailure(
                    NOT_HERE.contains(name)
                            ? "the filter '%s' is not available in chat templates".formatted(name)
                            : "No filter named '%s'.%s".formatted(name, NearestNames.hint(name, FILTERS.keySet())));
        }
        RenderBudget.readValue(input);
        arguments.positional().forEach(RenderBudget::readValue);
        Value result = filter.apply(input, arguments);
        RenderBudget.madeValue(result);
        return result;
    }
}
