package dev.bowline.model.decoder;

import dev.bowline.BowlineException;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Head;
import dev.bowline.nn.RmsNorm;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/// A decoder, declared: validated once and immutable after.
///
/// @param layers first to last
/// @param perLayerEmbedding the second embedding, with a slice per layer, if there is one
/// @param placeholders ids of images, videos and sounds: the decoder looks up the padding row for them
public record DecoderConfig(
        Size size,
        Style style,
        List<LayerConfig> layers,
        Optional<PerLayerEmbedding> perLayerEmbedding,
        List<Long> placeholders) {

    /// A decoder with one embedding, of text alone.
    public DecoderConfig(Size size, Style style, List<LayerConfig> layers) {
        this(size, style, layers, Optional.empty(), List.of());
    }

    /// A decoder whose layers are alike.
    public static DecoderConfig uniform(
            Size size, Style style, int layers, AttentionConfig attention, FeedForwardConfig feedForward) {
        return new DecoderConfig(size, style, Collections.nCopies(layers, new LayerConfig(attention, feedForward)));
    }

    /// A decoder whose layers differ in their window only.
    ///
    /// @param windows one per layer, first to last
    public static DecoderConfig windowed(
            Size size,
            Style style,
            List<OptionalInt> windows,
            AttentionConfig attention,
            FeedForwardConfig feedForward) {
        return new DecoderConfig(
                size,
                style,
                windows.stream()
                        .map(window -> new LayerConfig(attention.within(window), feedForward))
                        .toList());
    }

    /// @param vocabulary rows of the packed table
    /// @param width one layer's slice, P
    public record PerLayerEmbedding(int vocabulary, int width) {
        public PerLayerEmbedding {
            requirePositive("vocab_size_per_layer_input", vocabulary);
        }
    }

    /// @param vocabulary V, rows of the token embedding
    /// @param hidden H, width of the residual stream
    /// @param maxPositions `max_position_embeddings`
    /// @param epsilon `rms_norm_eps`
    /// @param initializerRange standard deviation of fresh weights
    /// @param paddingId the embedding row without a gradient
    public record Size(
            int vocabulary,
            int hidden,
            int maxPositions,
            double epsilon,
            double initializerRange,
            OptionalLong paddingId) {

        public Size {
            requirePositive("vocab_size", vocabulary);
            requirePositive("hidden_size", hidden);
            requirePositive("max_position_embeddings", maxPositions);
            if (!(epsilon > 0)) {
                throw new BowlineException("rms_norm_eps is " + epsilon, "it must be greater than 0");
            }
            // A negative id counts from the end, as in PyTorch.
            if (paddingId.isPresent() && paddingId.getAsLong() < 0) {
                paddingId = OptionalLong.of(paddingId.getAsLong() + vocabulary);
            }
            if (paddingId.isPresent() && (paddingId.getAsLong() < 0 || paddingId.getAsLong() >= vocabulary)) {
                throw new BowlineException(
                        "pad_token_id is %d with vocab_size %d".formatted(paddingId.getAsLong(), vocabulary),
                        "it must be a row of the embedding; use the checkpoint's original config.json");
            }
        }
    }

    /// Settings that all layers share.
    ///
    /// @param softcap `final_logit_softcapping`
    public record Style(
            RmsNorm.Scale norms,
            Block block,
            Activation activation,
            Embedding embedding,
            Rotation rotation,
            Head.Rows head,
            OptionalDouble softcap,
            LayerScalar scalar) {

        /// Layers without a scalar.
        public Style(
                RmsNorm.Scale norms,
                Block block,
                Activation activation,
                Embedding embedding,
                Rotation rotation,
                Head.Rows head,
                OptionalDouble softcap) {
            this(norms, block, activation, embedding, rotation, head, softcap, LayerScalar.NONE);
        }

        /// Gemma's: norms before and after each half of a layer, an input embedding times sqrt(H).
        public static Style gemma(RmsNorm.Scale norms, Activation activation, OptionalDouble softcap) {
            return new Style(
                    norms,
                    Block.NORM_BEFORE_AND_AFTER,
                    activation,
                    Embedding.TIMES_ROOT_OF_WIDTH,
                    Rotation.AS_MODEL,
                    Head.Rows.AS_STORED,
                    softcap);
        }

        public Style with(LayerScalar other) {
            return new Style(norms, block, activation, embedding, rotation, head, softcap, other);
        }

        /// Llama's: norms before each half of a layer, rows and head as stored.
        public static Style plain(Activation activation) {
            return new Style(
                    RmsNorm.Scale.LEARNED_AFTER_ROUNDING,
                    Block.NORM_BEFORE,
                    activation,
                    Embedding.AS_STORED,
                    Rotation.AS_MODEL,
                    Head.Rows.AS_STORED,
                    OptionalDouble.empty());
        }
    }

    /// The places of a layer's norms.
    public enum Block {
        /// h + Attn(N1(h)), then h + FFN(N2(h)).
        NORM_BEFORE,
        /// h + N2(Attn(N1(h))), then h + N4(FFN(N3(h))).
        NORM_BEFORE_AND_AFTER
    }

    /// The factor of the input embedding's rows.
    public enum Embedding {
        AS_STORED,
        /// sqrt(H), rounded to the model's dtype first.
        TIMES_ROOT_OF_WIDTH
    }

    /// The dtype in which queries and keys are rotated.
    public enum Rotation {
        AS_MODEL,
        FLOAT32
    }

    /// The factor of a layer's output: none, or a stored number.
    public enum LayerScalar {
        NONE,
        /// `layer_scalar`, which is saved and never trained.
        STORED
    }

    public DecoderConfig {
        layers = List.copyOf(layers);
        placeholders = List.copyOf(placeholders);
        requirePositive("num_hidden_layers", layers.size());
    }

    /// True if a later layer reuses the keys and values of layer `index`.
    boolean isReused(int index) {
        return IntStream.range(0, layers.size())
                .mapToObj(this::keyValueLayer)
                .anyMatch(source -> source.isPresent() && source.getAsInt() == index);
    }

    /// The earlier layer whose keys and values a layer reuses, if it has none of its own.
    OptionalInt keyValueLayer(int index) {
        return layers.get(index).attention().projections() instanceof AttentionConfig.Projections.QueriesOnly queries
                ? OptionalInt.of(queries.keyValueLayer())
                : OptionalInt.empty();
    }

    /// More layers than any model has.
    public static final int MOST_LAYERS = 10_000;

    /// More channels of a head than any model has.
    public static final int MOST_CHANNELS = 65_536;

    /// More experts of a layer than any model has.
    public static final int MOST_EXPERTS = 65_536;

    /// Refuses a count that is no model's before anything is built from it.
    public static void requireWithin(String key, long value, long most) {
        requirePositive(key, value);
        if (value > most) {
            throw new BowlineException(
                    "%s is %d, above the limit of %d".formatted(key, value, most),
                    "use the checkpoint's original config.json");
        }
    }

    /// Refuses a count below 1.
    public static void requirePositive(String key, long value) {
        if (value < 1) {
            throw new BowlineException(
                    "%s is %d".formatted(key, value),
                    "it must be at least 1; use the checkpoint's original config.json");
        }
    }
}
