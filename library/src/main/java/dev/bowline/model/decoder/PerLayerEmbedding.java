package dev.bowline.model.decoder;

import dev.bowline.nn.Embedding;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.OptionalLong;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// The per-layer embedding of the tokens (transformers: `Gemma4TextModel.project_per_layer_inputs`):
/// `(norm(W h0 / sqrt(H)) + sqrt(P) E_p[ids]) / sqrt(2)`.
///
/// Shapes: B rows, S positions, H hidden size, L layers, P per-layer width.
final class PerLayerEmbedding extends Layer {

    private final Linear projection;
    private final RmsNorm projectionNorm;
    private final int layers;
    private final int width;
    private final int hidden;
    private Embedding table;

    /// @param decoder the path of the decoder: the tensors are directly below it
    PerLayerEmbedding(String decoder, DecoderConfig config, DecoderConfig.PerLayerEmbedding declared) {
        super(decoder);
        layers = config.layers().size();
        width = declared.width();
        hidden = config.size().hidden();
        long packed = (long) layers * width;
        table = child(new Embedding(
                path("embed_tokens_per_layer"),
                declared.vocabulary(),
                packed,
                config.size().paddingId()));
        projection = child(new Linear(path("per_layer_model_projection"), hidden, packed));
        projectionNorm = child(new RmsNorm(
                path("per_layer_projection_norm"),
                width,
                config.size().epsilon(),
                config.style().norms()));
    }

    /// Gives the table another number of rows. Frees the old table.
    void resize(long vocabulary, OptionalLong paddingId) {
        Embedding old = table;
        table = replaceChild(old, old.resized(vocabulary, paddingId));
        old.weight().get().close();
    }

    /// @param ids [B, S] int64
    /// @param h0 the scaled input embedding, [B, S, H]
    /// @return [B, S, L, P]
    Tensor forward(Tensor ids, Tensor h0) {
        long[] split = {ids.size(0), ids.size(1), layers, width};
        Dtype dtype = Dtype.of(h0.scalar_type());
        Tensor fromTokens = table.forward(ids)
                .mul(Ops.full(Device.CPU, dtype, Math.sqrt(width)))
                .view(split);
        Tensor projected = projection.forward(h0).mul(new Scalar(Math.pow(hidden, -0.5)));
        Tensor fromContext = projectionNorm.forward(projected.view(split));
        return fromContext.add(fromTokens).mul(new Scalar(Math.pow(2, -0.5)));
    }
}
