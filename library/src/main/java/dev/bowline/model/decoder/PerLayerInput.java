package dev.bowline.model.decoder;

import dev.bowline.nn.Activation;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import org.bytedeco.pytorch.Tensor;

/// The step of a layer that adds its slice of the per-layer embedding: h + N(W_p (a(W_g h) ⊙ e)).
///
/// Shapes: B rows, S positions, H hidden size, P per-layer width.
final class PerLayerInput extends Layer {

    private final Linear gate;
    private final Linear projection;
    private final RmsNorm norm;
    private final Activation activation;

    /// @param layer the path of the decoder layer: the tensors are directly below it
    PerLayerInput(String layer, DecoderConfig config, DecoderConfig.PerLayerEmbedding declared) {
        super(layer);
        int hidden = config.size().hidden();
        activation = config.style().activation();
        gate = child(new Linear(path("per_layer_input_gate"), hidden, declared.width()));
        projection = child(new Linear(path("per_layer_projection"), declared.width(), hidden));
        norm = child(new RmsNorm(
                path("post_per_layer_input_norm"),
                hidden,
                config.size().epsilon(),
                config.style().norms()));
    }

    /// @param h [B, S, H]
    /// @param e [B, S, P]
    /// @return [B, S, H]
    Tensor forward(Tensor h, Tensor e) {
        Tensor gated = activation.apply(gate.forward(h)).mul(e);
        return h.add(norm.forward(projection.forward(gated)));
    }
}
