package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.data.Batch;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.Targets;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.nn.Sequences;
import dev.bowline.optim.AdamW;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Tensor;

/// One optimizer step. Micro-batches accumulate; each is weighted by its target tokens, so the result is the same
/// however the step is cut up.
public final class TrainingStep {

    /// @param loss mean over the step's targets
    /// @param gradNorm before clipping
    public record Outcome(double loss, double gradNorm) {}

    private final CausalLanguageModel model;
    private final AdamW optimizer;
    private final ChunkedCrossEntropy loss;
    private final OptionalDouble maxGradNorm;

    public TrainingStep(
            CausalLanguageModel model, AdamW optimizer, ChunkedCrossEntropy loss, OptionalDouble maxGradNorm) {
        this.model = model;
        this.optimizer = optimizer;
        this.loss = loss;
        this.maxGradNorm = maxGradNorm;
    }

    /// @param number for messages, from 1
    /// @throws BowlineException if the loss or a gradient is not finite; the weights are as before the step
    public Outcome take(long number, List<Batch> microBatches, double learningRate) {
        long targetTokens = microBatches.stream().mapToLong(Batch::targetTokens).sum();
        double total = 0;
        for (Batch batch : microBatches) {
            total += accumulate(batch, 1.0 / targetTokens);
        }
        double norm = optimizer.gradientNorm();
        if (!Double.isFinite(total) || !Double.isFinite(norm)) {
            optimizer.clearGradients();
            throw new BowlineException(
                    "step %d: loss is %s and the gradient norm %s, on the rows from %s"
                            .formatted(number, total, norm, origins(microBatches)),
                    "look at those rows, lower the learning rate, or go on from the last checkpoint");
        }
        if (number == 1) {
            requireEveryGradient();
        }
        if (maxGradNorm.isPresent()) {
            optimizer.clip(norm, maxGradNorm.getAsDouble());
        }
        optimizer.step(learningRate);
        optimizer.clearGradients();
        return new Outcome(total, norm);
    }

    private double accumulate(Batch batch, double weight) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor ids = Memory.of(batch.inputIds(), batch.rows(), batch.columns());
            Tensor hidden = model.hidden(ids, sequences(batch), Optional.empty());
            return loss.backward(hidden, model.head(), Targets.of(batch.labels()), weight);
        }
    }

    /// Who sees whom. Padding stands on the right, where causality hides it already; only packed rows need a mask.
    static Sequences sequences(Batch batch) {
        return batch.isPacked()
                ? Sequences.packed(batch.documents(), batch.positions(), batch.rows(), batch.columns())
                : Sequences.causal(batch.rows(), batch.columns());
    }

    private void requireEveryGradient() {
        List<String> without = optimizer.withoutGradient();
        if (!without.isEmpty()) {
            optimizer.clearGradients();
            throw new BowlineException(
                    "the first step gave no gradient to %s, which the recipe trains".formatted(without),
                    "freeze it with freeze_config, or report this as a bug of the model");
        }
    }

    private static List<String> origins(List<Batch> batches) {
        return batches.stream().flatMap(batch -> batch.origins().stream()).toList();
    }
}
