package dev.bowline.quantization;

/// The index of the nearest of some ascending values. A number half-way between two has the index of the lower.
final class Nearest {

    private Nearest() {}

    /// The numbers half-way between neighbouring values.
    static float[] bounds(float[] values) {
        float[] bounds = new float[values.length - 1];
        for (int i = 0; i < bounds.length; i++) {
            bounds[i] = (values[i] + values[i + 1]) / 2;
        }
        return bounds;
    }

    /// The number of bounds below `value`.
    ///
    /// @param bounds 2ⁿ - 1 of them
    static int index(float[] bounds, float value) {
        int index = 0;
        for (int half = (bounds.length + 1) / 2; half > 0; half /= 2) {
            index += value > bounds[index + half - 1] ? half : 0;
        }
        return index;
    }
}
