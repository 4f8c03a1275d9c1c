package dev.bowline.text.jinja;

/// How tightly an operator holds its operands, loosest first.
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
