package dev.bowline.gguf;

/// An element type of tensors in GGUF files.
public enum GgufType {
    F32(0, 4),
    F16(1, 2),
    BF16(30, 2);

    private final int code;
    private final int bytes;

    GgufType(int code, int bytes) {
        this.code = code;
        this.bytes = bytes;
    }

    /// The number that stands for the type in a file: ggml's `GGML_TYPE_…`.
    public int code() {
        return code;
    }

    /// The size of one element.
    public int bytes() {
        return bytes;
    }
}
