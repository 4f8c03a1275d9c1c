package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.data.Batch;
import dev.bowline.loss.CrossEntropy;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.ExpertLoad;
import dev.bowline.nn.Sequences;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.Optimizer;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
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

    private final LanguageModel model;
    private final Optimizer optimizer;
    private final Gradients gradients;
    private final CrossEntropy loss;
    private final OptionalDouble maxGradNorm;
    private final ExpertLoad expertLoad = new ExpertLoad();
    private boolean updating;

    public TrainingStep(LanguageModel model, Optimizer optimizer, CrossEntropy loss, OptionalDouble maxGradNorm) {
        this.model = model;
        this.optimizer = optimizer;
        gradients = new Gradients(model.trainable());
        this.loss = loss;
        this.maxGradNorm = maxGradNorm;
    }

    /// @param number for messages, from 1
    /// @throws NotFiniteException if the loss or a gradient is not finite; the weights are as before the step
    public Outcome take(long number, List<Batch> microBatches, double learningRate) {
        long targetTokens = microBatches.stream().mapToLong(Batch::targetTokens).sum();
        double total = 0;
        List<Batch> notFinite = new ArrayList<>();
        for (Batch batch : microBatches) {
            double part = accumulate(batch, 1.0 / targetTokens);
            if (!Double.isFinite(part)) {
                notFinite.add(batch);
            }
            total += part;
        }
        double norm = gradients.norm();
        if (!Double.isFinite(total) || !Double.isFinite(norm)) {
            gradients.clear();
            List<Batch> suspects = notFinite.isEmpty() ? microBatches : notFinite;
            throw NotFiniteException.of(number, total, norm, suspects, microBatches.size());
        }
        if (number == 1) {
            requireEveryGradient();
        }
        if (maxGradNorm.isPresent()) {
            gradients.clip(norm, maxGradNorm.getAsDouble());
        }
        updating = true;
        optimizer.step(learningRate);
        updating = false;
        gradients.clear();
        return new Outcome(total, norm);
    }

    /// Whether an update of the weights has begun and not ended: it failed half-way.
    boolean isUpdating() {
        return updating;
    }

    /// How often each expert was chosen in all steps.
    ExpertLoad expertLoad() {
        return expertLoad;
    }

    private double accumulate(Batch batch, double weight) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor ids = HostTensors.of(batch.inputIds(), batch.rows(), batch.columns());
            Optional<Tensor> real = batch.realPositions().map(positions -> HostTensors.of(positions, positions.length));
            Tensor hidden = expertLoad.during(real, () -> model.hiddenStates(ids, sequences(batch), Optional.empty()));
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
        List<String> without = gradients.missing();
        if (!without.isEmpty()) {
            gradients.clear();
            throw new BowlineException(
                    "the first step gave no gradient to %s, which the recipe trains".formatted(without),
                    "freeze it with freeze_config, or report this as a bug of the model");
        }
    }
}
