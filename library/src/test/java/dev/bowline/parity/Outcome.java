package dev.bowline.parity;

import dev.bowline.fixtures.Golden;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
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
        model.trainable().values().forEach(Parameter::clearGradient);
        Tensor hidden = model.hiddenStates(batch.tensor(), batch.sequences(), Optional.empty());
        Tensor logits;
        try (var _ = new NoGradGuard()) {
            logits = batch.realOf(float32(model.head().logits(hidden.detach())));
        }
        Targets targets = batch.targets();
        double loss = new ChunkedCrossEntropy(CHUNK_TOKENS)
                .backward(LossInput.of(hidden, model.head(), targets), 1.0 / targets.count());
        Map<String, Tensor> gradients = new TreeMap<>();
        model.trainable()
                .forEach((name, parameter) -> gradients.put(
                        name, float32(parameter.gradient().orElseThrow().clone())));
        return new Outcome(logits, loss, gradients);
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
