package dev.bowline.json;

/// The largest document that is read into memory; a larger one is refused.
///
/// @param depth the deepest nesting of objects and arrays
/// @param values the most values in all
/// @param bytes the largest size of the file
public record JsonLimits(int depth, long values, long bytes) {

    /// Room for the largest tokenizer files, which have about two million values.
    public static final JsonLimits DEFAULT = new JsonLimits(512, 20_000_000, 512L << 20);

    /// Room for config.json and the other small files of a checkpoint.
    public static final JsonLimits CONFIG = new JsonLimits(128, 1_000_000, 32L << 20);

    public JsonLimits {
        if (depth < 1 || depth > 1000 || values < 1 || bytes < 1 || bytes > 1L << 30) {
            throw new IllegalArgumentException("limits out of range: " + depth + ", " + values + ", " + bytes);
        }
    }
}
