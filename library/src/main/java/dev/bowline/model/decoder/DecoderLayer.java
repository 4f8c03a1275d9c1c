package dev.bowline.model.decoder;

import dev.bowline.nn.Layer;
import dev.bowline.nn.RmsNorm;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// One decoder layer: attention, then a feed-forward, each normed on the way in and, in some families, on the
/// way out.
///
/// Shapes: B rows, S positions, H hidden size.
final class DecoderLayer extends Layer {

    private final Attention attention;
    private final FeedForwardLayer feedForward;
    private final RmsNorm attentionIn;
    private final Optional<RmsNorm> attentionOut;
    private final RmsNorm feedForwardIn;
    private final Optional<RmsNorm> feedForwardOut;

    DecoderLayer(String path, DecoderConfig config, int index) {
        super(path);
        attention = child(new Attention(path("self_attn"), config, index));
        feedForward = feedForward(config, config.layers().get(index).feedForward());
        attentionIn = norm("input_layernorm", config);
        attentionOut = switch (config.style().block()) {
            case NORM_BEFORE -> Optional.empty();
            case NORM_BEFORE_AND_AFTER -> Optional.of(norm("post_attention_layernorm", config));
        };
        feedForwardIn = switch (config.style().block()) {
            case NORM_BEFORE -> norm("post_attention_layernorm", config);
            case NORM_BEFORE_AND_AFTER -> norm("pre_feedforward_layernorm", config);
        };
        feedForwardOut = switch (config.style().block()) {
            case NORM_BEFORE -> Optional.empty();
            case NORM_BEFORE_AND_AFTER -> Optional.of(norm("post_feedforward_layernorm", config));
        };
    }

    private FeedForwardLayer feedForward(DecoderConfig config, FeedForwardConfig declared) {
        int width = config.size().hidden();
        var activation = config.style().activation();
        return switch (declared) {
            case FeedForwardConfig.Gated gated -> child(new FeedForward(path("mlp"), width, gated, activation));
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
    /// @return [B, S, H], owned by the caller's scope
    Tensor forward(Tensor x, AttentionContext context) {
        try (var scope = TensorScope.open()) {
            // h = x + N2(Attn(N1(x))), N2 where there is one
            Tensor attended = attention.forward(attentionIn.forward(x), context);
            Tensor h = x.add(attentionOut.isPresent() ? attentionOut.get().forward(attended) : attended);

            // y = h + N4(FFN(N3(h))), N4 where there is one
            Tensor fed = feedForward.forward(feedForwardIn, h);
            return scope.escape(
                    h.add(feedForwardOut.isPresent() ? feedForwardOut.get().forward(fed) : fed));
        }
    }
}
