package dev.bowline.model.gemma4;

import dev.bowline.nn.GatedExperts;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// One Gemma 4 text layer (transformers: `Gemma4TextDecoderLayer`): attention, feed-forward with or without experts
/// beside it, the per-layer embedding, each added to the residual stream after a norm on the way in and a norm on the
/// way out; all of it times a stored scalar.
///
/// Shapes: B rows, S positions, H hidden size, P per-layer width.
final class DecoderLayer extends Layer {

    private final Attention attention;
    private final FeedForward feedForward;
    private final RmsNorm inputNorm;
    private final RmsNorm postAttentionNorm;
    private final RmsNorm preFeedForwardNorm;
    private final RmsNorm postFeedForwardNorm;
    private final Slot scalar;
    private final Optional<PerLayer> perLayer;
    private final Optional<Mixture> mixture;

    private record PerLayer(Linear gate, Linear projection, RmsNorm norm) {}

    private record Mixture(Router router, GatedExperts experts, RmsNorm denseNorm, RmsNorm inNorm, RmsNorm outNorm) {}

    DecoderLayer(String path, Gemma4Config config, int index) {
        super(path);
        attention = child(new Attention(path("self_attn"), config, index));
        feedForward = child(new FeedForward(path("mlp"), config.hiddenSize(), config.feedForwardWidth(index)));
        inputNorm = norm("input_layernorm", config);
        postAttentionNorm = norm("post_attention_layernorm", config);
        preFeedForwardNorm = norm("pre_feedforward_layernorm", config);
        postFeedForwardNorm = norm("post_feedforward_layernorm", config);
        scalar = buffer("layer_scalar", 1);
        perLayer = config.perLayer().map(settings -> perLayer(config, settings));
        mixture = config.experts().map(settings -> mixture(config, settings));
    }

    private RmsNorm norm(String name, Gemma4Config config) {
        return child(new RmsNorm(path(name), config.hiddenSize(), config.epsilon()));
    }

    private PerLayer perLayer(Gemma4Config config, Gemma4Config.PerLayer settings) {
        return new PerLayer(
                child(new Linear(path("per_layer_input_gate"), config.hiddenSize(), settings.width())),
                child(new Linear(path("per_layer_projection"), settings.width(), config.hiddenSize())),
                norm("post_per_layer_input_norm", config));
    }

    private Mixture mixture(Gemma4Config config, Gemma4Config.Experts settings) {
        return new Mixture(
                child(new Router(path("router"), config.hiddenSize(), settings, config.epsilon())),
                child(new GatedExperts(path("experts"), settings.count(), config.hiddenSize(), settings.width())),
                norm("post_feedforward_layernorm_1", config),
                norm("pre_feedforward_layernorm_2", config),
                norm("post_feedforward_layernorm_2", config));
    }

    Slot scalar() {
        return scalar;
    }

    /// @param x residual stream [B, S, H]
    /// @param e this layer's slice of the per-layer embedding [B, S, P], if the model has one
    /// @return [B, S, H], owned by the caller's scope
    Tensor forward(Tensor x, Optional<Tensor> e, AttentionContext context) {
        try (var scope = TensorScope.open()) {
            // h = x + N2(Attn(N1(x)))
            Tensor h = x.add(postAttentionNorm.forward(attention.forward(scope, inputNorm.forward(x), context)));

            // h = h + N4(FFN(N3(h)))
            h = h.add(postFeedForwardNorm.forward(feedForward(h)));

            // h = h + N5(W_p (gelu(W_g h) ⊙ e))
            if (perLayer.isPresent()) {
                PerLayer p = perLayer.get();
                Tensor gated = Ops.geluTanh(p.gate().forward(h)).mul(e.orElseThrow());
                h = h.add(p.norm().forward(p.projection().forward(gated)));
            }

            // y = s h
            return scope.escape(h.mul(scalar.tensor()));
        }
    }

    /// FFN(N3(h)), or with experts N_d(FFN(N3(h))) + N_o(Experts(N_i(h), Router(h))).
    private Tensor feedForward(Tensor h) {
        Tensor dense = feedForward.forward(preFeedForwardNorm, h);
        if (mixture.isEmpty()) {
            return dense;
        }
        Mixture m = mixture.get();
        Tensor tokens = h.reshape(-1, h.size(-1));
        Router.Choice choice = m.router().forward(tokens);
        Tensor mixed = m.experts().forward(m.inNorm(), tokens, choice.index(), choice.weight());
        return m.denseNorm().forward(dense).add(m.outNorm().forward(mixed.view_as(h)));
    }
}
