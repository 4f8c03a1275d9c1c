package dev.bowline.text.jinja;

/// Python's truth: nothing, zero and emptiness are false.
final class Truthiness {

    private Truthiness() {}

    static boolean of(Value value) {
        return switch (value) {
            case Value.Undefined _, Value.None _ -> false;
            case Value.Bool(boolean fact) -> fact;
            case Value.Whole(var number) -> number.signum() != 0;
            case Value.Real(double number) -> number != 0;
            case Value.Text(String text) -> !text.isEmpty();
            case Value.Sequence(var _, var items) -> !items.isEmpty();
            case Value.Range range -> !range.items().isEmpty();
            case Value.Mapping(var entries) -> !entries.isEmpty();
            case Value.View(var _, var items) -> !items.isEmpty();
            case Value.Once _, Value.Native _ -> true;
        };
    }
}
