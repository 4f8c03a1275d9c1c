package dev.bowline.quantization;

/// Rounding of float32 to bfloat16, to the nearest value and on a tie to the even one, as libtorch rounds.
final class Bfloat16 {

    private Bfloat16() {}

    /// @param value finite
    /// @return the 16 bits
    static int bits(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
    }
}
