package dev.bowline.recipe;

import java.util.regex.Pattern;

/// Keys that hold a split of a dataset, as Hugging Face datasets writes it.
final class SplitKinds {

    private static final String BOUND = "(-?[0-9][0-9_]{0,8}|-?(100|[0-9]{1,2})%)?";
    private static final Pattern FORM = Pattern.compile("\\w+(\\.\\w+)*(\\[" + BOUND + ":" + BOUND + "\\])?");

    private SplitKinds() {}

    static Kind<String> split() {
        return Kind.ofScalar(
                "a split, such as train or train[:1000]",
                "a name, and perhaps a slice of its rows: train, train[:1000], train[90%:]",
                scalar -> FORM.matcher(scalar.text()).matches() && !scalar.isNumber() && !scalar.isBoolean()
                        ? new Reading.Sound<>(scalar.text())
                        : new Reading.Unsound<>(fix(scalar.text())),
                TextKinds::quoted);
    }

    private static String fix(String text) {
        return text.contains("+")
                ? "name one split; put the files of several into one directory to train on all of them"
                : "write a name, and perhaps a slice of its rows: train, train[:1000], train[90%:]";
    }
}
