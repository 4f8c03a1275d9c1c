package dev.bowline.model.decoder;

import dev.bowline.BowlineException;
import dev.bowline.nn.Linear;
import dev.bowline.nn.PositionScale;
import dev.bowline.nn.Rope;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// The attention of one layer, declared.
///
/// @param window the number of visible positions, its own included; empty for all
/// @param rope the rotation of queries and keys; empty for a layer without rotation
/// @param scale the factor of the scores
/// @param softcap `attn_logit_softcapping`
/// @param positionScale a factor of the queries that grows with their position
public record AttentionConfig(
        Heads heads,
        Projections projections,
        HeadNorms norms,
        OptionalInt window,
        Optional<Rope> rope,
        double scale,
        OptionalDouble softcap,
        Optional<PositionScale> positionScale) {

    /// @param queries N
    /// @param keyValues K, which divides N
    /// @param width D, of one head
    public record Heads(int queries, int keyValues, int width) {
        public Heads {
            DecoderConfig.requirePositive("num_attention_heads", queries);
            DecoderConfig.requirePositive("num_key_value_heads", keyValues);
            DecoderConfig.requireWithin("head_dim", width, DecoderConfig.MOST_CHANNELS);
            if (queries % keyValues != 0) {
                throw new BowlineException(
                        "num_key_value_heads is %d, which does not divide num_attention_heads %d"
                                .formatted(keyValues, queries),
                        "use the checkpoint's original config.json");
            }
        }
    }

    /// The matrices of queries, keys and values.
    public sealed interface Projections {

        /// `q_proj`, `k_proj` and `v_proj`.
        ///
        /// @param inputs the bias of these
        /// @param output the bias of `o_proj`
        record Separate(Linear.Bias inputs, Linear.Bias output) implements Projections {}

        /// One matrix with the rows of queries, keys and values below each other, without biases.
        ///
        /// @param name of the matrix
        record Fused(String name) implements Projections {}

        /// `q_proj` and `k_proj`. The values are the keys before their norm and rotation.
        ///
        /// @param inputs the bias of these
        /// @param output the bias of `o_proj`
        record ValuesAreKeys(Linear.Bias inputs, Linear.Bias output) implements Projections {}

        /// `q_proj`. Keys and values are those of an earlier layer.
        ///
        /// @param input the bias of `q_proj`
        /// @param output the bias of `o_proj`
        /// @param keyValueLayer the index of that layer
        record QueriesOnly(Linear.Bias input, Linear.Bias output, int keyValueLayer) implements Projections {}
    }

    /// The norms per head. Those of queries and keys come before the rotation.
    public enum HeadNorms {
        NONE,
        QUERIES_AND_KEYS,
        /// The norm of the values has no weight.
        QUERIES_KEYS_AND_VALUES
    }

    public AttentionConfig {
        window.ifPresent(size -> DecoderConfig.requirePositive("sliding_window", size));
        int width = heads.width();
        rope.ifPresent(rotation -> {
            if (rotation.width() % 2 != 0 || rotation.width() < 2 || rotation.width() > width) {
                throw new BowlineException(
                        "%d of the %d channels of a head rotate".formatted(rotation.width(), width),
                        "the number must be even; use the checkpoint's original head_dim and partial_rotary_factor");
            }
        });
    }

    /// Without a window, norms or rotation, with scores times 1 / sqrt(D).
    public static AttentionConfig of(Heads heads, Projections projections) {
        return new AttentionConfig(
                heads,
                projections,
                HeadNorms.NONE,
                OptionalInt.empty(),
                Optional.empty(),
                Math.pow(heads.width(), -0.5),
                OptionalDouble.empty(),
                Optional.empty());
    }

    /// Separate projections, with or without a bias in all of them.
    public static AttentionConfig of(Heads heads, Linear.Bias bias) {
        return of(heads, new Projections.Separate(bias, bias));
    }

    /// Without a bias in any projection.
    public static AttentionConfig of(Heads heads) {
        return of(heads, Linear.Bias.NONE);
    }

    public AttentionConfig with(Rope rotation) {
        return new AttentionConfig(
                heads, projections, norms, window, Optional.of(rotation), scale, softcap, positionScale);
    }

    public AttentionConfig with(HeadNorms perHead) {
        return new AttentionConfig(heads, projections, perHead, window, rope, scale, softcap, positionScale);
    }

    public AttentionConfig with(PositionScale factor) {
        return new AttentionConfig(heads, projections, norms, window, rope, scale, softcap, Optional.of(factor));
    }

    public AttentionConfig within(OptionalInt size) {
        return new AttentionConfig(heads, projections, norms, size, rope, scale, softcap, positionScale);
    }

    public AttentionConfig scored(double by, OptionalDouble cap) {
        return new AttentionConfig(heads, projections, norms, window, rope, by, cap, positionScale);
    }
}
