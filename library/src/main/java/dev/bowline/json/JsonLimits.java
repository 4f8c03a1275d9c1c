package dev.bowline.json;

/// How large a document may be before it is refused rather than read into memory.
///
/// @param depth how deep objects and arrays may nest
/// @param values how many values there may be in all
/// @param bytes how long the file may be
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
