package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.data.Batch;
import dev.bowline.data.DataPosition;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.loss.Loss;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Optimizer;
import dev.bowline.optim.Schedule;
import dev.bowline.optim.WholeState;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;
import jdk.jfr.FlightRecorder;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Supervised fine-tuning that a program drives step by step.
///
/// This object borrows the model and owns the optimizer and the reduction of the plan. The whole state of training is
/// the model's weights,
/// [#optimizerState] and [#progress]: after [#restore], training continues bit for bit as if it had not stopped.
///
/// A fine-tuning is for one thread. No other thread may use the model during training.
public final class FineTuning implements AutoCloseable {

    /// The key of [#progress] with the learning rates of the steps.
    static final String SCHEDULER = "scheduler";

    /// The key of [#progress] with the optimizer whose state is saved.
    private static final String OPTIMIZER = "optimizer";

    private static final String ROWS_HASH = "rows_sha256";

    private final LanguageModel model;
    private final TrainingRows rows;
    private final FineTuningPlan plan;
    private final Optimizer optimizer;
    private final Loss loss;
    private final TrainingStep trainingStep;
    private DataPosition position = DataPosition.START;
    private long stepsTaken;

    /// @throws BowlineException if every parameter is frozen, or if two parameters hold one tensor
    public FineTuning(LanguageModel model, TrainingRows rows, FineTuningPlan plan) {
        this.model = model;
        this.rows = rows;
        this.plan = plan;
        TiedWeights.ensureTiedLmHead(model);
        TiedWeights.requireDistinct(model, model.parameters());
        if (model.trainable().isEmpty()) {
            throw new BowlineException(
                    "every parameter is frozen", "leave at least one component out of freeze_config");
        }
        optimizer = plan.optimizer().create(model.trainable(), model.kernels());
        loss = plan.loss();
        trainingStep = new TrainingStep(model, optimizer, loss, plan.maxGradNorm(), plan.reduction(), rows.seed());
    }

    public LanguageModel model() {
        return model;
    }

    public FineTuningPlan plan() {
        return plan;
    }

    /// Optimizer steps taken, those before a resume included.
    public long stepsTaken() {
        return stepsTaken;
    }

    public boolean isFinished() {
        return stepsTaken >= plan.lastStep();
    }

    /// Takes the next optimizer step.
    ///
    /// @throws NotFiniteException if the loss or a gradient is not finite; weights and state are then unchanged
    public StepResult step() {
        if (isFinished()) {
            throw new IllegalStateException("step %d was the last".formatted(stepsTaken));
        }
        return FlightRecorder.isInitialized() ? StepEvent.around(this::takeStep) : takeStep();
    }

    private StepResult takeStep() {
        long start = System.nanoTime();
        int epoch = position.epoch();
        TrainingRows.Step taken = rows.step(position, plan.rowsPerStep());
        List<Batch> batches = batches(taken.rows());
        double rate = plan.schedule().rate(stepsTaken);

        TrainingStep.Outcome outcome = trainingStep.take(stepsTaken + 1, batches, rate);

        stepsTaken++;
        position = taken.next();
        return new StepResult(
                stepsTaken,
                epoch,
                outcome.loss(),
                outcome.gradNorm(),
                rate,
                batches.stream().mapToLong(Batch::realTokens).sum(),
                batches.stream().mapToLong(Batch::targetTokens).sum(),
                (System.nanoTime() - start) / 1e9);
    }

    /// The load of the experts of each layer in the steps that this object took, in the order of the model; empty
    /// if the model has no experts.
    public List<ExpertBalance> expertBalance() {
        return ExpertBalance.of(trainingStep.expertLoad());
    }

    /// True if weights, optimizer and position belong to the same step: no update failed before its end.
    boolean isBetweenSteps() {
        return !trainingStep.isUpdating();
    }

    /// The loss on held-out rows, with the present weights.
    public ValidationResult validate(List<PackedRow> heldOut) {
        return validateUnless(() -> false, heldOut).orElseThrow();
    }

    /// The same, or empty if `stopRequested` becomes true, which is checked before every batch.
    Optional<ValidationResult> validateUnless(BooleanSupplier stopRequested, List<PackedRow> heldOut) {
        List<Batch> batches = batches(heldOut);
        GradientReduction.Share share = plan.reduction().share(batches.size());
        double[] own = new double[share.size()];
        for (int pass = 0; pass < share.passes(); pass++) {
            if (stopRequested.getAsBoolean()) {
                return Optional.empty();
            }
            if (pass < own.length) {
                own[pass] = lossOf(batches.get(share.microBatches().get(pass)));
            } else {
                // The other ranks need this one in their pass.
                lossOf(batches.getFirst());
            }
        }
        double sum = 0;
        for (double one : plan.reduction().gather(own, batches.size())) {
            sum += one;
        }
        long targets = batches.stream().mapToLong(Batch::targetTokens).sum();
        double rate = plan.schedule().rate(Math.max(0, stepsTaken - 1));
        return Optional.of(new ValidationResult(stepsTaken, position.epoch(), sum / targets, rate, targets));
    }

    /// The sum of the losses of a batch.
    private double lossOf(Batch batch) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Tensor ids = HostTensors.of(batch.inputIds(), batch.rows(), batch.columns());
            Tensor hidden = model.hiddenStates(ids, TrainingStep.sequences(batch), Optional.empty());
            return loss.sum(LossInput.of(hidden, model.head(), Targets.of(batch.labels())));
        }
    }

    private List<Batch> batches(List<PackedRow> taken) {
        List<Batch> batches = new ArrayList<>();
        for (int from = 0; from < taken.size(); from += plan.rowsPerMicroBatch()) {
            int to = Math.min(taken.size(), from + plan.rowsPerMicroBatch());
            batches.add(Batch.of(taken.subList(from, to), plan.paddingId()));
        }
        return batches;
    }

    /// Moments, step counts and master weights by canonical name, owned by this object. In a run over ranks it may be
    /// the
    /// part of this rank.
    public Map<String, Tensor> optimizerState() {
        return optimizer.state();
    }

    /// The whole state of the optimizer over all ranks. If [#isDivided], it is read on the first rank, in [#onFirst].
    WholeState wholeOptimizerState() {
        return optimizer.whole();
    }

    /// Runs `work` on the first rank, with the whole values of every parameter and the whole state. Every rank calls
    /// this method at the same place.
    void onFirst(Runnable work) {
        if (optimizer.isDivided()) {
            optimizer.onFirst(work);
        } else {
            plan.reduction().onFirst(work);
        }
    }

    /// True if no rank has the whole state of the optimizer. Then the ranks that do not work in [#onFirst] wait there.
    boolean isDivided() {
        return optimizer.isDivided();
    }

    /// The progress of training, for a training checkpoint.
    public JsonObject progress() {
        return JsonObject.of()
                .with("steps_taken", stepsTaken)
                .with("epoch", position.epoch())
                .with("row", position.row())
                .with("rows_per_epoch", rows.size())
                .with(ROWS_HASH, rows.sha256())
                .with("order", rows.order().name().toLowerCase(Locale.ROOT))
                .with("seed", rows.seed())
                .with(OPTIMIZER, optimizerName())
                .with(SCHEDULER, scheduler());
    }

    private JsonObject optimizerName() {
        return JsonObject.of()
                .with("name", lowerCase(plan.optimizer().name()))
                .with("state_dtype", lowerCase(plan.optimizer().stateDtype()));
    }

    private static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /// The learning rate of every step, as the settings of the schedule.
    private JsonObject scheduler() {
        Schedule schedule = plan.schedule();
        return JsonObject.of()
                .with("decay", schedule.decay().name().toLowerCase(Locale.ROOT))
                .with("peak", schedule.peak())
                .with("initial", schedule.initial())
                .with("minimum", schedule.minimum())
                .with("warmup_steps", schedule.warmupSteps())
                .with("decay_steps", schedule.decaySteps())
                .with("first_step", schedule.firstStep().name().toLowerCase(Locale.ROOT));
    }

    /// True if every remaining step has the rate that the scheduler of a saved [#progress] gives to the step. A
    /// checkpoint of an older release does not name the rate of the first step.
    boolean keepsRates(JsonObject scheduler) {
        Schedule saved = new Schedule(
                Schedule.Decay.valueOf(scheduler.requireString("decay").toUpperCase(Locale.ROOT)),
                scheduler.requireDouble("peak"),
                scheduler.requireDouble("initial"),
                scheduler.requireDouble("minimum"),
                scheduler.requireLong("warmup_steps"),
                scheduler.requireLong("decay_steps"),
                scheduler
                        .optionalString("first_step")
                        .map(first -> Schedule.FirstStep.valueOf(first.toUpperCase(Locale.ROOT)))
                        .orElse(Schedule.FirstStep.ABOVE_INITIAL));
        return LongStream.range(stepsTaken, plan.lastStep())
                .allMatch(step -> saved.rate(step) == plan.schedule().rate(step));
    }

    /// Restores a saved state; the model must hold the weights saved with it.
    ///
    /// @param optimizerState empty if it was not saved: the moments start at zero
    /// @throws BowlineException if the state belongs to other data or another set of trained parameters
    public void restore(JsonObject progress, Map<String, Tensor> optimizerState) {
        int savedRows = progress.requireInt("rows_per_epoch");
        if (savedRows != rows.size()) {
            throw new BowlineException(
                    "the checkpoint was made with %d rows per epoch, the data now has %d"
                            .formatted(savedRows, rows.size()),
                    "resume with the dataset and packing that the run started with");
        }
        requireSameRows(progress);
        requireOrder(progress);
        if (!optimizerState.isEmpty()) {
            requireSameOptimizer(progress);
            optimizer.restore(optimizerState);
        }
        stepsTaken = progress.requireLong("steps_taken");
        position = new DataPosition(progress.requireInt("epoch"), progress.requireInt("row"));
    }

    /// A checkpoint of an older release has no entry; its optimizer state is that of AdamW in float32.
    private void requireSameOptimizer(JsonObject progress) {
        JsonObject saved = progress.optionalObject(OPTIMIZER)
                .orElseGet(() -> JsonObject.of().with("name", "adamw").with("state_dtype", "float32"));
        JsonObject now = optimizerName();
        for (String key : List.of("name", "state_dtype")) {
            if (!saved.requireString(key).equals(now.requireString(key))) {
                throw new BowlineException(
                        "the checkpoint has optimizer state with optimizer.%s %s, the recipe says %s"
                                .formatted(key, saved.requireString(key), now.requireString(key)),
                        "set optimizer.%s to %s, or start a new run with the checkpoint as"
                                        .formatted(key, saved.requireString(key))
                                + " model.pretrained_model_name_or_path");
            }
        }
    }

    /// A checkpoint of an older release has no SHA-256 of the rows, and is accepted.
    private void requireSameRows(JsonObject progress) {
        Optional<String> saved = progress.optionalString(ROWS_HASH);
        if (saved.isPresent() && !saved.get().equals(rows.sha256())) {
            throw new BowlineException(
                    "the checkpoint was made with other data: its %d rows have the SHA-256 %s, and the data has as many"
                                    .formatted(rows.size(), saved.get())
                            + " with " + rows.sha256(),
                    "resume with the dataset, the chat template and the tokenizer that the run started with; to train"
                            + " this model on other data, start a new run with the checkpoint as"
                            + " model.pretrained_model_name_or_path");
        }
    }

    /// A checkpoint of an older release has no order and no seed, and is accepted.
    private void requireOrder(JsonObject progress) {
        JsonObject now = progress();
        boolean shuffled = rows.order() == TrainingRows.Order.SHUFFLED;
        for (String key : shuffled ? List.of("order", "seed") : List.of("order")) {
            if (progress.has(key) && !progress.require(key).equals(now.require(key))) {
                throw new BowlineException(
                        "the data order depends on %s: the checkpoint used %s, the recipe says %s"
                                .formatted(key, Json.compact(progress.require(key)), Json.compact(now.require(key))),
                        "resume with the seed and the dataset.shuffle that the run started with; another order in the"
                                + " middle of an epoch would repeat some rows and leave out others");
            }
        }
    }

    @Override
    public void close() {
        plan.reduction().close();
        optimizer.close();
    }
}
