package dev.bowline.text.jinja;

import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/// Upper and lower case, and the questions about a string's characters.
final class StringCase {

    /// `isupper()` and its like; all but `isascii` and `isprintable` are false for the empty string.
    static final Map<String, Predicate<String>> QUESTIONS = Map.ofEntries(
            Map.entry("isalpha", all(Character::isLetter)),
            Map.entry("isdecimal", all(Character::isDigit)),
            Map.entry("isdigit", all(StringCase::isDigit)),
            Map.entry("isnumeric", all(StringCase::isNumeric)),
            Map.entry("isalnum", all(c -> Character.isLetter(c) || isNumeric(c))),
            Map.entry("isspace", all(CodePoints::isSpace)),
            Map.entry("isascii", text -> text.codePoints().allMatch(c -> c < 0x80)),
            Map.entry("isprintable", text -> text.codePoints().allMatch(PythonText::isPrintable)),
            Map.entry("isidentifier", StringCase::isIdentifier),
            Map.entry("islower", StringCase::isLower),
            Map.entry("isupper", StringCase::isUpper),
            Map.entry("istitle", StringCase::isTitle));

    private static final int N_AFTER_APOSTROPHE = 0x149;

    private StringCase() {}

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return titleCase(text.codePointAt(0)) + lower(text.substring(first));
    }

    /// Every run of letters begins with a capital, whatever stands before it.
    static String title(String text) {
        StringBuilder title = new StringBuilder();
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            title.append(inWord ? lower(Character.toString(c)) : titleCase(c));
            inWord = isCased(c);
        }
        return title.toString();
    }

    static String swapCase(String text) {
        StringBuilder swapped = new StringBuilder();
        text.codePoints()
                .forEach(c -> swapped.append(
                        Character.isUpperCase(c) ? lower(Character.toString(c)) : upper(Character.toString(c))));
        return swapped.toString();
    }

    static boolean isUpper(String text) {
        return text.codePoints().anyMatch(StringCase::isCased)
                && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    static boolean isLower(String text) {
        return text.codePoints().anyMatch(StringCase::isCased)
                && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }

    private static boolean isTitle(String text) {
        boolean inWord = false;
        boolean anyCased = false;
        for (int c : text.codePoints().toArray()) {
            boolean capital = Character.isUpperCase(c) || Character.isTitleCase(c);
            if (capital == inWord && isCased(c)) {
                return false;
            }
            inWord = isCased(c);
            anyCased |= inWord;
        }
        return anyCased;
    }

    private static String titleCase(int c) {
        int title = Character.toTitleCase(c);
        if (title != c || Character.isTitleCase(c)) {
            return Character.toString(title);
        }
        String upper = upper(Character.toString(c));
        int first = upper.offsetByCodePoints(0, 1);
        if (first == upper.length() || c == N_AFTER_APOSTROPHE) {
            return upper;
        }
        // One that is written as several when it is large: only the first of them is (Unicode's SpecialCasing).
        return upper.substring(0, first) + lower(upper.substring(first).replace('\u0399', '\u0345'));
    }

    private static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    private static boolean isIdentifier(String text) {
        if (text.isEmpty()) {
            return false;
        }
        int first = text.codePointAt(0);
        return (first == '_' || Character.isUnicodeIdentifierStart(first))
                && text.codePoints().skip(1).allMatch(Character::isUnicodeIdentifierPart);
    }

    /// Decimal digits, and those that are only ever written raised, lowered or encircled.
    private static boolean isDigit(int c) {
        boolean raisedOrLowered = c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0x2070 && c <= 0x2089);
        boolean encircled = c >= 0x2460 && c <= 0x2468;
        return Character.isDigit(c) || (raisedOrLowered && c != 0x2071) || encircled;
    }

    private static boolean isNumeric(int c) {
        return switch (Character.getType(c)) {
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
            default -> false;
        };
    }

    private static Predicate<String> all(IntPredicate holds) {
        return text -> !text.isEmpty() && text.codePoints().allMatch(holds);
    }
}
