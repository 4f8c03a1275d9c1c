package dev.bowline.model.decoder;

import dev.bowline.nn.GatedExperts;
import dev.bowline.nn.Layer;
import dev.bowline.nn.RmsNorm;
import org.bytedeco.pytorch.Tensor;

/// The experts that a Gemma 4 layer has in parallel with its dense feed-forward. Each branch has a norm of its
/// own.
///
/// Shapes: B rows, S positions, H hidden size.
final class ParallelExperts extends Layer {

    private final ScaledRouter router;
    private final GatedExperts experts;
    private final RmsNorm denseOut;
    private final RmsNorm expertsIn;
    private final RmsNorm expertsOut;

    /// @param layer the path of the decoder layer: the tensors are directly below it
    ParallelExperts(String layer, DecoderConfig config, FeedForwardConfig.GatedWithExperts declared) {
        super(layer);
        int hidden = config.size().hidden();
        router = child(
                new ScaledRouter(path("router"), hidden, declared, config.size().epsilon()));
        experts = child(new GatedExperts(
                path("experts"),
                declared.count(),
                hidden,
                declared.expertWidth(),
                config.style().activation()));
        denseOut = norm("post_feedforward_layernorm_1", config);
        expertsIn = norm("pre_feedforward_layernorm_2", config);
        expertsOut = norm("post_feedforward_layernorm_2", config);
    }

    private RmsNorm norm(String name, DecoderConfig config) {
        return child(new RmsNorm(
                path(name),
                config.size().hidden(),
                config.size().epsilon(),
                config.style().norms()));
    }

    /// N_d(dense) + N_o(Experts(N_i(h), Router(h))).
    ///
    /// @param dense the dense feed-forward's output, [B, S, H]
    /// @param h the residual stream, [B, S, H]
    /// @return [B, S, H]
    Tensor forward(Tensor dense, Tensor h) {
        Tensor tokens = h.reshape(-1, h.size(-1));
        ScaledRouter.Choice choice = router.forward(tokens);
        Tensor mixed = experts.forward(expertsIn, tokens, choice.index(), choice.weight());
        return denseOut.forward(dense).add(expertsOut.forward(mixed.view_as(h)));
    }
}
