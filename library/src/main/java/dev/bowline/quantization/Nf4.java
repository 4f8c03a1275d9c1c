package dev.bowline.quantization;

/// The 16 values of NormalFloat 4 (Dettmers et al. 2023, "QLoRA", appendix E), ascending.
final class Nf4 {

    /// The values of one block share a scale, the largest absolute value of the block.
    static final int BLOCK_SIZE = 64;

    /// The scales of one block of scales share a scale.
    static final int NESTED_BLOCK_SIZE = 256;

    private static final float[] VALUES = {
        -1f,
        -0.6961928f,
        -0.52507305f,
        -0.3949175f,
        -0.28444138f,
        -0.18477343f,
        -0.091050036f,
        0f,
        0.0795803f,
        0.1609302f,
        0.2461123f,
        0.33791524f,
        0.44070983f,
        0.562617f,
        0.72295684f,
        1f
    };

    private Nf4() {}

    static float[] values() {
        return VALUES.clone();
    }
}
