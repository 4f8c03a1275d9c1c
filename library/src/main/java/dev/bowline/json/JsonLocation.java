package dev.bowline.json;

import org.jspecify.annotations.Nullable;

/// The place of a value: the name of the source, the path of keys and indices, and the start of the text.
///
/// A location keeps its parent rather than its path's text, because a tokenizer file has a million values and
/// hardly any of them is ever mentioned in an error.
public final class JsonLocation {

    private static final JsonLocation BUILT = new JsonLocation("built in memory", null, Step.ROOT, 0, 0);

    private sealed interface Step {
        Step ROOT = new Root();

        record Root() implements Step {}

        record Key(String name) implements Step {}

        record Index(int index) implements Step {}
    }

    private final String source;
    private final @Nullable JsonLocation parent;
    private final Step step;
    private final int line;
    private final int column;

    private JsonLocation(String source, @Nullable JsonLocation parent, Step step, int line, int column) {
        this.source = source;
        this.parent = parent;
        this.step = step;
        this.line = line;
        this.column = column;
    }

    /// The place of a whole document.
    public static JsonLocation root(String source, int line, int column) {
        return new JsonLocation(source, null, Step.ROOT, line, column);
    }

    /// The place of a value that was made by the program and read from nowhere; its line and column are 0.
    public static JsonLocation built() {
        return BUILT;
    }

    /// The place of a field of this value.
    public JsonLocation key(String name, int atLine, int atColumn) {
        return new JsonLocation(source, this, new Step.Key(name), atLine, atColumn);
    }

    /// The place of an element of this value.
    public JsonLocation index(int index, int atLine, int atColumn) {
        return new JsonLocation(source, this, new Step.Index(index), atLine, atColumn);
    }

    /// The file's path, or whatever the caller of the parser called the text.
    public String source() {
        return source;
    }

    /// Such as `text_config.layer_types[3]`; empty for the document itself.
    public String path() {
        StringBuilder path = new StringBuilder();
        appendPath(path);
        return path.toString();
    }

    /// Counted from 1; 0 when built in memory or read from a file without lines.
    public int line() {
        return line;
    }

    /// Counted from 1, in UTF-16 units; 0 when built in memory or not known.
    public int column() {
        return column;
    }

    /// `source:line:column`, the form that terminals and editors make a link of; without what is not known.
    public String position() {
        String atLine = line == 0 ? source : source + ":" + line;
        return line == 0 || column == 0 ? atLine : atLine + ":" + column;
    }

    /// The path as words in a sentence: the quoted path, or "the document".
    public String subject() {
        String path = path();
        return path.isEmpty() ? "the document" : "'" + path + "'";
    }

    @Override
    public String toString() {
        String path = path();
        return path.isEmpty() ? position() : position() + " (" + path + ")";
    }

    private void appendPath(StringBuilder path) {
        if (parent != null) {
            parent.appendPath(path);
        }
        switch (step) {
            case Step.Root _ -> {}
            case Step.Key(String name) -> path.append(path.isEmpty() ? "" : ".").append(name);
            case Step.Index(int index) -> path.append('[').append(index).append(']');
        }
    }
}
