package dev.bowline.model.decoder;

import dev.bowline.nn.Layer;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// One decoder layer: attention, then a feed-forward, each with a norm before it and, in some families, after it.
/// Gemma 4 adds experts in parallel with the feed-forward, a per-layer embedding and a stored scalar.
///
/// A call changes nothing but the cache and the shared keys and values of its context.
///
/// Shapes: B rows, S positions, H hidden size, P per-layer width.
final class DecoderLayer extends Layer {

    private final Attention attention;
    private final FeedForwardLayer feedForward;
    private final RmsNorm attentionIn;
    private final Norms norms;
    private final Optional<Slot> scalar;
    private final Optional<PerLayerInput> perLayerInput;
    private final Optional<ParallelExperts> experts;

    /// The norms after the first.
    private record Norms(Optional<RmsNorm> attentionOut, RmsNorm feedForwardIn, Optional<RmsNorm> feedForwardOut) {}

    DecoderLayer(String path, DecoderConfig config, int index) {
        super(path);
        FeedForwardConfig declared = config.layers().get(index).feedForward();
        attention = child(new Attention(path("self_attn"), config, index));
        feedForward = feedForward(config, declared);
        attentionIn = norm("input_layernorm", config);
        norms = switch (config.style().block()) {
            case NORM_BEFORE -> new Norms(Optional.empty(), norm("post_attention_layernorm", config), Optional.empty());
            case NORM_BEFORE_AND_AFTER ->
                new Norms(
                        Optional.of(norm("post_attention_layernorm", config)),
                        norm("pre_feedforward_layernorm", config),
                        Optional.of(norm("post_feedforward_layernorm", config)));
        };
        scalar = switch (config.style().scalar()) {
            case NONE -> Optional.empty();
            case STORED -> Optional.of(buffer("layer_scalar", 1));
        };
        perLayerInput = config.perLayerEmbedding().map(embedding -> child(new PerLayerInput(path, config, embedding)));
        experts = declared instanceof FeedForwardConfig.GatedWithExperts parallel
                ? Optional.of(child(new ParallelExperts(path, config, parallel)))
                : Optional.empty();
    }

    private FeedForwardLayer feedForward(DecoderConfig config, FeedForwardConfig declared) {
        int width = config.size().hidden();
        var activation = config.style().activation();
        return switch (declared) {
            case FeedForwardConfig.Gated gated -> child(new FeedForward(path("mlp"), width, gated, activation));
            case FeedForwardConfig.GatedWithExperts parallel ->
                child(new FeedForward(path("mlp"), width, parallel.dense(), activation));
            case FeedForwardConfig.FusedGated fused ->
                child(new FusedFeedForward(path("mlp"), width, fused, activation));
            case FeedForwardConfig.Experts experts ->
                child(new SparseFeedForward(path("mlp"), width, experts, activation));
        };
    }

    private RmsNorm norm(String name, DecoderConfig config) {
        return child(new RmsNorm(
                path(name),
                config.size().hidden(),
                config.size().epsilon(),
                config.style().norms()));
    }

    /// @param x residual stream [B, S, H]
    /// @param e this layer's slice of the per-layer embedding [B, S, P], if the model has one
    /// @return [B, S, H], owned by the caller's scope
    Tensor forward(Tensor x, Optional<Tensor> e, AttentionContext context) {
        try (var scope = TensorScope.open()) {
            // h = x + N2(Attn(N1(x))), N2 where there is one
            Tensor attended = attention.forward(attentionIn.forward(x), context, scope);
            Tensor h = x.add(normed(norms.attentionOut(), attended));

            // h = h + N4(FFN(N3(h))), N4 where there is one
            Tensor fed = feedForward.forward(norms.feedForwardIn(), h);
            if (experts.isPresent()) {
                fed = experts.get().forward(fed, h);
            }
            h = h.add(normed(norms.feedForwardOut(), fed));

            // h = h + N5(W_p (a(W_g h) ⊙ e)), with a per-layer embedding
            if (perLayerInput.isPresent()) {
                h = perLayerInput.get().forward(h, e.orElseThrow());
            }

            // y = s h, with a stored scalar
            return scope.escape(scalar.isPresent() ? h.mul(scalar.get().tensor()) : h);
        }
    }

    private static Tensor normed(Optional<RmsNorm> norm, Tensor x) {
        return norm.isPresent() ? norm.get().forward(x) : x;
    }
}
