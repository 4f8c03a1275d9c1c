package dev.bowline.text.jinja;

import java.util.List;

/// `cycler(a, b)`: gives its items in turn.
final class Cycler implements Value.Native {

    private final List<Value> items;
    private int position;

    private Cycler(List<Value> items) {
        this.items = items;
    }

    static Value create(Arguments arguments) {
        if (arguments.positional().isEmpty()) {
            throw new TemplateFailure("at least one item has to be provided");
        }
        return new Cycler(arguments.positional());
    }

    @Override
    public Value attribute(String name) {
        return switch (name) {
            case "current" -> items.get(position);
            case "next" -> new Function("next", _ -> next());
            case "reset" ->
                new Function("reset", _ -> {
                    position = 0;
                    return Value.NONE;
                });
            default -> Native.super.attribute(name);
        };
    }

    private Value next() {
        Value current = items.get(position);
        position = (position + 1) % items.size();
        return current;
    }

    @Override
    public String description() {
        return "<Cycler>";
    }

    @Override
    public String pythonType() {
        return "Cycler";
    }
}
