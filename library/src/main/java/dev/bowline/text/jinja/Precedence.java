package dev.bowline.text.jinja;

/// The precedence of operators, lowest first.
enum Precedence {
    OR,
    AND,
    NOT,
    COMPARISON,
    SUM,
    CONCATENATION,
    PRODUCT,
    POWER,
    OPERAND;

    Precedence tighter() {
        return values()[Math.min(ordinal() + 1, OPERAND.ordinal())];
    }
}
