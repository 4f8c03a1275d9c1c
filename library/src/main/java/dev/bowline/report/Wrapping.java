package dev.bowline.report;

import java.util.ArrayList;
import java.util.List;

/// Long lines broken between words, never inside one.
public final class Wrapping {

    private Wrapping() {}

    /// The lines of `text`, each of at most `width` columns unless one word is longer. A broken line continues
    /// after the indentation of its line and `hanging`.
    public static String lines(String text, int width, String hanging) {
        List<String> lines = new ArrayList<>();
        text.lines().forEach(line -> add(lines, line, width, hanging));
        return String.join("\n", lines);
    }

    private static void add(List<String> lines, String text, int width, String hanging) {
        if (text.length() <= width) {
            lines.add(text);
            return;
        }
        String indent = text.substring(0, text.length() - text.stripLeading().length());
        StringBuilder line = new StringBuilder(indent);
        boolean empty = true;
        for (String word : text.strip().split(" ")) {
            if (!empty && line.length() + 1 + word.length() > width) {
                lines.add(line.toString());
                line = new StringBuilder(indent + hanging);
                empty = true;
            }
            line.append(empty ? "" : " ").append(word);
            empty = false;
        }
        lines.add(line.toString());
    }
}
