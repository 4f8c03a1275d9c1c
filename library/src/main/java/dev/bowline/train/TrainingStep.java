package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.DropoutPass;
import dev.bowline.data.Batch;
import dev.bowline.loss.Loss;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.ExpertLoad;
import dev.bowline.nn.Sequences;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.Optimizer;
import dev.bowline.optim.StepGradients;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Tensor;

/// One optimizer step: forward and backward passes that accumulate gradients, their reduction over ranks, clipping,
/// update. The loss is the mean over the targets of the whole step, so the result does not depend on the size of the
/// micro-batches.
final class TrainingStep {

    /// @param loss the mean over the targets of the step
    /// @param gradNorm the norm of all gradients before clipping
    public record Outcome(double loss, double gradNorm) {}

    private final LanguageModel model;
    private final Optimizer optimizer;
    private final Gradients gradients;
    private final Loss loss;
    private final OptionalDouble maxGradNorm;
    private final GradientReduction reduction;
    private final long dropoutSeed;
    private final ExpertLoad expertLoad = new ExpertLoad();
    private boolean updating;

    /// A step of one process.
    public TrainingStep(LanguageModel model, Optimizer optimizer, Loss loss, OptionalDouble maxGradNorm) {
        this(model, optimizer, loss, maxGradNorm, GradientReduction.NONE, 0);
    }

    /// @param dropoutSeed decides the masks of an adapter's dropout, with the step and the micro-batch
    /// @param maxGradNorm the norm to which gradients are clipped; empty for no clipping
    public TrainingStep(
            LanguageModel model,
            Optimizer optimizer,
            Loss loss,
            OptionalDouble maxGradNorm,
            GradientReduction reduction,
            long dropoutSeed) {
        this.model = model;
        this.optimizer = optimizer;
        gradients = new Gradients(model.trainable());
        this.loss = loss;
        this.maxGradNorm = maxGradNorm;
        this.reduction = reduction;
        this.dropoutSeed = dropoutSeed;
    }

    /// @param number the number of the step for messages, from 1
    /// @param microBatches those of the whole step, over all ranks; this rank computes its share of them
    /// @throws NotFiniteException if the loss or a gradient is not finite; the weights are then unchanged
    public Outcome take(long number, List<Batch> microBatches, double learningRate) {
        try {
            return reduced(number, microBatches, learningRate);
        } catch (RuntimeException e) {
            RuntimeException reason = reduction.reason(e);
            reduction.clear();
            throw reason;
        }
    }

    private Outcome reduced(long number, List<Batch> microBatches, double learningRate) {
        long targetTokens = microBatches.stream().mapToLong(Batch::targetTokens).sum();
        GradientReduction.Share share = reduction.share(microBatches.size());
        double[] own = new double[share.size()];
        for (int pass = 0; pass < share.passes(); pass++) {
            if (pass < own.length) {
                int microBatch = share.microBatches().get(pass);
                try (DropoutPass _ = Adapters.of(model).dropoutPass(dropoutSeed, number, microBatch)) {
                    own[pass] = accumulate(microBatches.get(microBatch), 1.0 / targetTokens);
                }
            } else {
                accompany(microBatches.getFirst());
            }
            reduction.accumulated(gradients);
        }
        reduction.ended(gradients);
        double[] losses = reduction.gather(own, microBatches.size());
        StepGradients sums = reduction.reduce(gradients);
        double total = 0;
        List<Batch> notFinite = new ArrayList<>();
        for (int i = 0; i < losses.length; i++) {
            total += losses[i];
            if (!Double.isFinite(losses[i])) {
                notFinite.add(microBatches.get(i));
            }
        }
        double norm = sums.norm();
        if (!Double.isFinite(total) || !Double.isFinite(norm)) {
            sums.clear();
            List<Batch> suspects = notFinite.isEmpty() ? microBatches : notFinite;
            throw NotFiniteException.of(number, total, norm, suspects, microBatches.size());
        }
        if (number == 1) {
            requireEvery(sums);
        }
        if (maxGradNorm.isPresent()) {
            sums.clip(norm, maxGradNorm.getAsDouble());
        }
        updating = true;
        optimizer.step(learningRate);
        updating = false;
        sums.clear();
        return new Outcome(total, norm);
    }

    /// True if an update of the weights began and failed before its end.
    boolean isUpdating() {
        return updating;
    }

    /// The number of times that each expert was chosen in all steps.
    ExpertLoad expertLoad() {
        return expertLoad;
    }

    private double accumulate(Batch batch, double weight) {
        try (TensorScope _ = TensorScope.open()) {
            Optional<Tensor> real = batch.realPositions().map(positions -> HostTensors.of(positions, positions.length));
            Tensor hidden = expertLoad.during(real, () -> hiddenStates(batch));
            return loss.backward(LossInput.of(hidden, model.head(), Targets.of(batch.labels())), weight);
        }
    }

    /// Takes part in a pass of the other ranks. The gradients have no effect.
    private void accompany(Batch batch) {
        try (TensorScope _ = TensorScope.open()) {
            loss.backward(LossInput.of(hiddenStates(batch), model.head(), Targets.of(batch.labels())), 1);
        }
    }

    private Tensor hiddenStates(Batch batch) {
        Tensor ids = HostTensors.of(batch.inputIds(), batch.rows(), batch.columns());
        return model.hiddenStates(ids, sequences(batch), Optional.empty());
    }

    /// The positions of a batch and the limits on attention. Padding is on the right, where the causal mask
    /// already hides it; only packed rows need another mask.
    static Sequences sequences(Batch batch) {
        return batch.isPacked()
                ? Sequences.packed(batch.documents(), batch.positions(), batch.rows(), batch.columns())
                : Sequences.causal(batch.rows(), batch.columns());
    }

    private static void requireEvery(StepGradients sums) {
        List<String> without = sums.missing();
        if (!without.isEmpty()) {
            sums.clear();
            throw new BowlineException(
                    "the first step gave no gradient to %s, which the recipe trains".formatted(without),
                    "freeze it with freeze_config, or report this as a bug of the model");
        }
    }
}
