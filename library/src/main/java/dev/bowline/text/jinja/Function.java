package dev.bowline.text.jinja;

/// Something a template can call that is written in Java: a global function or a value's method.
record Function(String name, Body body) implements Value.Native {

    @FunctionalInterface
    interface Body {
        Value call(Arguments arguments);
    }

    @Override
    public Value call(Arguments arguments) {
        return body.call(arguments);
    }

    @Override
    public String description() {
        return "<function %s>".formatted(name);
    }

    @Override
    public String pythonType() {
        return "function";
    }
}
