package dev.bowline.quantization;

import java.util.Locale;

/// A format of quantised weights, as in bitsandbytes. A quantised weight is frozen: it is dequantised where a layer
/// multiplies with it, and never updated.
public enum Quantization {
    /// A byte per value, and a scale per row: the largest absolute value of the row is 127 (`load_in_8bit`).
    INT8,
    /// Four bits per value, an index of one of the 16 values of NormalFloat, and a scale per block of 64 values
    /// (`load_in_4bit` with `bnb_4bit_quant_type: nf4`). The scales are quantised too
    /// (`bnb_4bit_use_double_quant`).
    NF4;

    /// The spelling in a recipe: `int8`, `nf4`.
    public String configName() {
        return name().toLowerCase(Locale.ROOT);
    }

    @Override
    public String toString() {
        return configName();
    }
}
