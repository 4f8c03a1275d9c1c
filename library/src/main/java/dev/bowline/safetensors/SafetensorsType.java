package dev.bowline.safetensors;

/// The element types of the format. Every name is the one in the file.
public enum SafetensorsType {
    F64(8),
    F32(4),
    F16(2),
    BF16(2),
    F8_E4M3(1),
    F8_E5M2(1),
    I64(8),
    I32(4),
    I16(2),
    I8(1),
    U64(8),
    U32(4),
    U16(2),
    U8(1),
    BOOL(1);

    private final int bytes;

    SafetensorsType(int bytes) {
        this.bytes = bytes;
    }

    /// The size of one element.
    public int bytes() {
        return bytes;
    }
}
