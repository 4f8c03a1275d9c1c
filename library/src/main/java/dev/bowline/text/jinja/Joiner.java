package dev.bowline.text.jinja;

/// `joiner(', ')`: nothing the first time it is called, its separator every time after.
final class Joiner implements Value.Native {

    private final Value separator;
    private boolean used;

    private Joiner(Value separator) {
        this.separator = separator;
    }

    static Value create(Arguments arguments) {
        return new Joiner(arguments.bind("joiner", "sep?").orElse(0, Value.of(", ")));
    }

    @Override
    public Value call(Arguments arguments) {
        if (used) {
            return separator;
        }
        used = true;
        return Value.EMPTY_TEXT;
    }

    @Override
    public String description() {
        return "<Joiner>";
    }

    @Override
    public String pythonType() {
        return "Joiner";
    }
}
