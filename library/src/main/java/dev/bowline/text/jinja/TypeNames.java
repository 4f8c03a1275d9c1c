package dev.bowline.text.jinja;

/// Python's names for the types of values, for messages that read as the ones template authors know.
final class TypeNames {

    private TypeNames() {}

    static String of(Value value) {
        return switch (value) {
            case Value.Undefined _ -> "Undefined";
            case Value.None _ -> "NoneType";
            case Value.Bool _ -> "bool";
            case Value.Whole _ -> "int";
            case Value.Real _ -> "float";
            case Value.Text _ -> "str";
            case Value.Sequence(Value.Sequence.Kind kind, var _) ->
                switch (kind) {
                    case LIST -> "list";
                    case TUPLE -> "tuple";
                };
            case Value.Range _ -> "range";
            case Value.Mapping _ -> "dict";
            case Value.View(String pythonName, var _) -> pythonName;
            case Value.Once _ -> "generator";
            case Value.Native object -> object.pythonType();
        };
    }

    /// The name in "'dict object' has no attribute 'x'".
    static String described(Value value) {
        return value instanceof Value.None ? "None" : of(value) + " object";
    }
}
