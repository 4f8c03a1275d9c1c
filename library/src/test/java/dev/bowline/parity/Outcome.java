package dev.bowline.parity;

import dev.bowline.fixtures.Golden;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.CrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// What one forward and backward pass gave, by Bowline or by transformers, in float32.
///
/// @param logits of the real positions: [real, V]
/// @param gradients by Hugging Face name
record Outcome(Tensor logits, double loss, Map<String, Tensor> gradients) {

    /// Targets per chunk of the loss: fewer than any batch of a fixture has, so that every comparison crosses
    /// chunks.
    private static final int CHUNK_TOKENS = 7;

    /// Bowline's, by the path that training takes. Gradients that were there before are dropped.
    static Outcome of(LanguageModel model, TokenRows batch) {
        return of(model, batch, new ChunkedCrossEntropy(CHUNK_TOKENS));
    }

    /// Bowline's, with another loss.
    static Outcome of(LanguageModel model, TokenRows batch, CrossEntropy crossEntropy) {
        model.trainable().values().forEach(Parameter::clearGradient);
        Tensor hidden = model.hiddenStates(batch.tensor(), batch.sequences(), Optional.empty());
        Tensor logits;
        try (var _ = new NoGradGuard()) {
            logits = model.head().logits(hidden.detach());
        }
        Targets targets = batch.targets();
        double loss = crossEntropy.backward(LossInput.of(hidden, model.head(), targets), 1.0 / targets.count());
        List<String> names = List.copyOf(model.trainable().keySet());
        List<Tensor> computed = new ArrayList<>(List.of(logits));
        model.trainable()
                .values()
                .forEach(parameter ->
                        computed.add(parameter.gradient().orElseThrow().clone()));
        List<Tensor> onCpu = onCpu(computed);
        Map<String, Tensor> gradients = new TreeMap<>();
        for (int i = 0; i < names.size(); i++) {
            gradients.put(names.get(i), onCpu.get(i + 1));
        }
        return new Outcome(batch.realOf(onCpu.getFirst()), loss, gradients);
    }

    /// In float32 on the CPU. Tensors on another device are copied in one piece, since a lazy device computes
    /// everything that a tensor depends on for each copy.
    private static List<Tensor> onCpu(List<Tensor> tensors) {
        if (Device.of(tensors.getFirst()).isCpu()) {
            return tensors.stream().map(Outcome::float32).toList();
        }
        Tensor all = Device.CPU.place(Ops.cat(
                0, tensors.stream().map(tensor -> float32(tensor).flatten()).toArray(Tensor[]::new)));
        List<Tensor> parts = new ArrayList<>();
        long from = 0;
        for (Tensor tensor : tensors) {
            parts.add(all.narrow(0, from, tensor.numel()).view(Shapes.of(tensor)));
            from += tensor.numel();
        }
        return parts;
    }

    /// What transformers computed, recorded under keys that begin with `prefix`.
    static Outcome recorded(Golden reference, String prefix, TokenRows batch) {
        String gradient = prefix + "grad.";
        Map<String, Tensor> gradients = new TreeMap<>();
        reference.names().stream()
                .filter(name -> name.startsWith(gradient))
                .forEach(name -> gradients.put(name.substring(gradient.length()), float32(reference.tensor(name))));
        return new Outcome(
                batch.realOf(reference.tensor(prefix + "logits")), reference.floats(prefix + "loss")[0], gradients);
    }

    private static Tensor float32(Tensor x) {
        return Ops.cast(x, Dtype.FLOAT32);
    }
}
