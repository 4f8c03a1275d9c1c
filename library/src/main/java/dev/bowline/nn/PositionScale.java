package dev.bowline.nn;

/// A factor of each query that grows with the query's position, 1 + β ln(1 + ⌊p / P⌋) (transformers:
/// `Ministral3Attention`).
///
/// @param beta β, `llama_4_scaling_beta`
/// @param period P, `original_max_position_embeddings`
public record PositionScale(double beta, int period) {

    float at(long position) {
        return 1 + (float) beta * (float) Math.log(1.0 + position / period);
    }
}
