package dev.bowline.model.decoder;

import dev.bowline.nn.ActivationCheckpoint;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Placement;
import dev.bowline.nn.Sequences;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;

/// A decoder layer of which the graph keeps the inputs only: the residual stream, the slice of the per-layer embedding,
/// and the keys and values of an earlier layer. The backward pass runs the layer again.
///
/// Keys and values that later layers reuse are results of the layer, so their gradients reach it.
///
/// @param index of the layer
/// @param sequences of the forward pass, from which rotations and masks are made again
/// @param placement of the hidden states
record CheckpointedLayer(
        DecoderLayer layer, int index, DecoderConfig config, Sequences sequences, Placement placement) {

    /// @param x [B, S, H]
    /// @param e [B, S, P], if the model has a per-layer embedding
    /// @param context gets the keys and values of this layer if a later layer reuses them
    /// @return [B, S, H], owned by the caller's scope
    Tensor forward(Tensor x, Optional<Tensor> e, AttentionContext context) {
        List<Tensor> inputs = new ArrayList<>();
        inputs.add(x);
        e.ifPresent(inputs::add);
        config.keyValueLayer(index).ifPresent(source -> {
            inputs.add(context.sharedBy(source).keys());
            inputs.add(context.sharedBy(source).values());
        });
        List<Tensor> outputs = ActivationCheckpoint.run(given -> run(given, e.isPresent()), inputs);
        if (config.isReused(index)) {
            context.share(index, new KeyValueCache.Entry(outputs.get(1), outputs.get(2)));
        }
        return outputs.getFirst();
    }

    private List<Tensor> run(List<Tensor> inputs, boolean hasPerLayerInput) {
        AttentionContext own = AttentionContext.ofLayer(config, index, sequences, placement);
        OptionalInt source = config.keyValueLayer(index);
        int keys = hasPerLayerInput ? 2 : 1;
        if (source.isPresent()) {
            own.share(source.getAsInt(), new KeyValueCache.Entry(inputs.get(keys), inputs.get(keys + 1)));
        }
        Optional<Tensor> e = hasPerLayerInput ? Optional.of(inputs.get(1)) : Optional.empty();
        Tensor y = layer.forward(inputs.getFirst(), e, own);
        if (!config.isReused(index)) {
            return List.of(y);
        }
        KeyValueCache.Entry reused = own.sharedBy(index);
        return List.of(y, reused.keys(), reused.values());
    }
}
