package dev.bowline.recipe;

import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.OptimizerName.Hyperparameter;
import dev.bowline.optim.Schedule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// What no key can decide alone: values that contradict each other, and values that would have no effect.
///
/// A check says nothing when one of its keys is missing or unsound, as that has been said already.
final class RecipeChecks {

    /// Variables of every chat template, which no option may set.
    private static final List<String> CONVERSATIONS_OWN = List.of("messages", "tools", "add_generation_prompt");

    /// Formats of a question and an answer, which plain text can hold.
    private static final Set<DatasetFormat> PLAIN =
            Set.of(DatasetFormat.COLUMNS, DatasetFormat.SQUAD, DatasetFormat.HELLASWAG);

    private final Settings settings;
    private final Problems problems;

    private RecipeChecks(Settings settings, Problems problems) {
        this.settings = settings;
        this.problems = problems;
    }

    static void run(Settings settings, Problems problems) {
        RecipeChecks checks = new RecipeChecks(settings, problems);
        checks.batches();
        checks.length();
        checks.validation();
        checks.dataset(RecipeSchema.DATASET);
        if (settings.hasSection("validation_dataset")) {
            checks.dataset(RecipeSchema.VALIDATION_DATASET);
        }
        checks.packing();
        checks.weightDecay();
        checks.optimizer();
        checks.learningRate();
        checks.checkpoint();
        checks.freezing();
        checks.loss();
    }

    private void batches() {
        int global = settings.find(RecipeSchema.GLOBAL_BATCH_SIZE).orElse(0);
        int local = settings.find(RecipeSchema.LOCAL_BATCH_SIZE).orElse(1);
        if (global % local != 0) {
            problems.add(
                    settings.where(RecipeSchema.LOCAL_BATCH_SIZE),
                    "step_scheduler.local_batch_size %d does not divide global_batch_size %d".formatted(local, global),
                    "write %d, or a multiple of %d for global_batch_size"
                            .formatted(largestDivisor(global, local), local));
        }
    }

    private static int largestDivisor(int of, int atMost) {
        int divisor = Math.min(of, atMost);
        while (of % divisor != 0) {
            divisor--;
        }
        return divisor;
    }

    private void length() {
        if (isNone(RecipeSchema.MAX_STEPS) && isNone(RecipeSchema.NUM_EPOCHS)) {
            problems.add(
                    settings.where(RecipeSchema.MAX_STEPS, RecipeSchema.NUM_EPOCHS),
                    "step_scheduler has neither max_steps nor num_epochs, so training would never end",
                    "add one of them, such as num_epochs: 1");
        }
    }

    private void validation() {
        if (settings.hasSection("validation_dataset")) {
            return;
        }
        if (isSome(RecipeSchema.VAL_EVERY_STEPS)) {
            problems.add(
                    settings.where(RecipeSchema.VAL_EVERY_STEPS),
                    "step_scheduler.val_every_steps has no effect: there is no validation_dataset",
                    "add a validation_dataset, or remove val_every_steps");
        }
        if (is(RecipeSchema.KEEP_BEST, true)) {
            problems.add(
                    settings.where(RecipeSchema.KEEP_BEST),
                    "checkpoint.keep_best needs validation losses, and there is no validation_dataset",
                    "add a validation_dataset, or remove keep_best");
        }
    }

    private void dataset(DatasetKeys keys) {
        String section = keys.path().section();
        Optional<DatasetFormat> format = settings.find(keys.format());
        boolean columns = format.filter(DatasetFormat.COLUMNS::equals).isPresent();
        if (format.isPresent() && !columns && keys.columns().stream().anyMatch(this::isSome)) {
            problems.add(
                    settings.where(keys.format(), keys.question(), keys.answer()),
                    "%s.column_mapping has no effect with format: %s"
                            .formatted(section, settings.yaml(keys.format()).orElseThrow()),
                    "write format: columns, or remove column_mapping");
        }
        for (Key<Optional<String>> column : List.of(keys.question(), keys.answer())) {
            if (columns && isNone(column)) {
                problems.add(
                        settings.where(column, keys.question(), keys.answer(), keys.context(), keys.format()),
                        "%s is missing: format columns needs question and answer".formatted(column.path()),
                        "name the field of the file that is the " + column.name());
            }
        }
        Optional<String> question = settings.find(keys.question()).flatMap(name -> name);
        if (question.isPresent() && question.equals(settings.find(keys.answer()).flatMap(name -> name))) {
            problems.add(
                    settings.where(keys.answer(), keys.question()),
                    "%s.column_mapping: question and answer are both '%s'".formatted(section, question.get()),
                    "name two fields");
        }
        if (is(keys.useHfChatTemplate(), false)
                && settings.isGiven(keys.chatTemplate())
                && isSome(keys.chatTemplate())) {
            problems.add(
                    settings.where(keys.chatTemplate()),
                    "%s has no effect with use_hf_chat_template: false"
                            .formatted(keys.chatTemplate().path()),
                    "remove one of the two");
        }
        if (is(keys.useHfChatTemplate(), false)
                && format.filter(given -> !PLAIN.contains(given)).isPresent()) {
            problems.add(
                    settings.where(keys.useHfChatTemplate(), keys.format()),
                    "%s: false is for the formats columns, squad and hellaswag, not for %s"
                            .formatted(
                                    keys.useHfChatTemplate().path(),
                                    settings.yaml(keys.format()).orElseThrow()),
                    "write true; a chat template is what writes a conversation");
        }
        for (String name : CONVERSATIONS_OWN) {
            if (settings.isGiven(keys.chatTemplateKwargs())
                    && settings.find(keys.chatTemplateKwargs())
                            .filter(variables -> variables.has(name))
                            .isPresent()) {
                problems.add(
                        settings.where(keys.chatTemplateKwargs()),
                        "%s: '%s' is not an option of a chat template: the conversation decides it"
                                .formatted(keys.chatTemplateKwargs().path(), name),
                        "remove " + name);
            }
        }
        if (is(keys.answerOnlyLossMask(), false) && is(keys.maskHistory(), true)) {
            problems.add(
                    settings.where(keys.maskHistory(), keys.answerOnlyLossMask()),
                    "%s: mask_history: true contradicts answer_only_loss_mask: false".formatted(section),
                    "remove one of the two");
        }
    }

    private void packing() {
        settings.find(RecipeSchema.PACKED_SIZE).ifPresent(size -> {
            if (size == 1) {
                problems.add(
                        settings.where(RecipeSchema.PACKED_SIZE),
                        "packed_sequence.packed_sequence_size: expected 0 or at least 2, found the number 1",
                        "write 0 for no packing, or the tokens of a row, such as 2048");
            }
            for (DatasetKeys keys : List.of(RecipeSchema.DATASET, RecipeSchema.VALIDATION_DATASET)) {
                int length = settings.find(keys.seqLength()).orElse(0);
                if (size > 1 && length > size && settings.isGiven(keys.seqLength())) {
                    problems.add(
                            settings.where(keys.seqLength()),
                            "%s %d is longer than the packed row of %d tokens"
                                    .formatted(keys.seqLength().path(), length, size),
                            "write %d or less, or raise packed_sequence_size".formatted(size));
                }
            }
        });
    }

    private void weightDecay() {
        if (is(RecipeSchema.WEIGHT_DECAY, 0.0)) {
            refuseWithoutEffect(RecipeSchema.DECAY_NORMS_AND_BIASES, decays -> decays, "with weight_decay: 0");
        }
    }

    /// A hyperparameter that the recipe's optimizer does not have.
    private void optimizer() {
        settings.find(RecipeSchema.OPTIMIZER_NAME).ifPresent(name -> {
            String when = "with optimizer.name: " + name.name().toLowerCase(Locale.ROOT);
            refuseUnused(name, Hyperparameter.BETAS, RecipeSchema.BETAS, when);
            refuseUnused(name, Hyperparameter.EPSILON, RecipeSchema.EPS, when);
            refuseUnused(name, Hyperparameter.STATE_DTYPE, RecipeSchema.STATE_DTYPE, when);
        });
    }

    private void refuseUnused(OptimizerName name, Hyperparameter hyperparameter, Key<?> key, String when) {
        if (!name.uses(hyperparameter)) {
            refuseWithoutEffect(key, _ -> true, when);
        }
    }

    private void learningRate() {
        int warmup = settings.find(RecipeSchema.LR_WARMUP_STEPS)
                .flatMap(steps -> steps)
                .orElse(0);
        Optional<Integer> decay = settings.find(RecipeSchema.LR_DECAY_STEPS).flatMap(steps -> steps);
        Optional<Integer> last = settings.find(RecipeSchema.MAX_STEPS).flatMap(steps -> steps);
        if (decay.isPresent() && warmup > decay.get()) {
            problems.add(
                    settings.where(RecipeSchema.LR_WARMUP_STEPS),
                    "lr_scheduler.lr_warmup_steps %d is above lr_decay_steps %d, which includes the warm-up"
                            .formatted(warmup, decay.get()),
                    "write at most %d, or raise lr_decay_steps".formatted(decay.get()));
        }
        if (last.isPresent() && warmup > last.get()) {
            problems.add(
                    settings.where(RecipeSchema.LR_WARMUP_STEPS),
                    "lr_scheduler.lr_warmup_steps %d is above max_steps %d, so optimizer.lr is never reached"
                            .formatted(warmup, last.get()),
                    "write at most %d, or raise max_steps".formatted(last.get()));
        }
        for (Key<Double> rate : List.of(RecipeSchema.MIN_LR, RecipeSchema.INIT_LR)) {
            if (settings.find(rate).orElse(0.0) > settings.find(RecipeSchema.LR).orElse(Double.MAX_VALUE)) {
                problems.add(
                        settings.where(rate),
                        "%s %s is above optimizer.lr %s"
                                .formatted(
                                        rate.path(),
                                        settings.yaml(rate).orElseThrow(),
                                        settings.yaml(RecipeSchema.LR).orElseThrow()),
                        "write at most optimizer.lr");
            }
        }
        if (is(RecipeSchema.LR_DECAY_STYLE, Schedule.Decay.CONSTANT)) {
            refuseWithoutEffect(RecipeSchema.LR_DECAY_STEPS, Optional::isPresent, "with lr_decay_style: constant");
            refuseWithoutEffect(RecipeSchema.MIN_LR, rate -> rate > 0, "with lr_decay_style: constant");
        }
        if (is(RecipeSchema.LR_WARMUP_STEPS, Optional.of(0))) {
            refuseWithoutEffect(RecipeSchema.INIT_LR, rate -> rate > 0, "without lr_warmup_steps");
            refuseWithoutEffect(RecipeSchema.START_AT_INIT_LR, starts -> starts, "without lr_warmup_steps");
        }
    }

    private void checkpoint() {
        if (is(RecipeSchema.CHECKPOINT_ENABLED, false)) {
            String disabled = "with checkpoint.enabled: false";
            refuseWithoutEffect(RecipeSchema.CKPT_EVERY_STEPS, Optional::isPresent, disabled);
            refuseWithoutEffect(
                    RecipeSchema.MAX_RECENT_CHECKPOINTS,
                    kept -> !kept.equals(Optional.of(RecipeSchema.USUAL_RECENT)),
                    disabled);
            refuseWithoutEffect(RecipeSchema.MAX_SHARD_SIZE, bytes -> bytes != RecipeSchema.USUAL_SHARD, disabled);
            refuseWithoutEffect(RecipeSchema.SAVE_OPTIMIZER, saved -> !saved, disabled);
            refuseWithoutEffect(RecipeSchema.LAST_CHECKPOINT, last -> last != LastCheckpoint.FULL, disabled);
        }
        Optional<Path> model = settings.find(RecipeSchema.PRETRAINED);
        settings.find(RecipeSchema.CHECKPOINT_DIR).ifPresent(directory -> {
            existing(directory).filter(there -> !Files.isDirectory(there)).ifPresent(file -> {
                String stands = file.equals(directory)
                        ? "is a file, not a directory"
                        : "cannot be made: %s is a file".formatted(file);
                problems.add(
                        settings.where(RecipeSchema.CHECKPOINT_DIR),
                        "checkpoint.checkpoint_dir %s %s".formatted(directory, stands),
                        "name a directory that is empty or can be made");
            });
            if (model.isPresent() && directory.startsWith(model.get())) {
                problems.add(
                        settings.where(RecipeSchema.CHECKPOINT_DIR),
                        "checkpoint.checkpoint_dir %s is inside the model it starts from".formatted(directory),
                        "write a directory of its own");
            }
        });
    }

    /// The path itself, or the nearest above it that is there.
    private static Optional<Path> existing(Path path) {
        return Stream.iterate(path, Objects::nonNull, Path::getParent)
                .filter(Files::exists)
                .findFirst();
    }

    private void freezing() {
        for (Key<Boolean> tower : List.of(RecipeSchema.FREEZE_VISION_TOWER, RecipeSchema.FREEZE_AUDIO_TOWER)) {
            if (is(tower, false)) {
                problems.add(
                        settings.where(tower),
                        "%s: expected true, found false: training it is not supported yet".formatted(tower.path()),
                        "write true, or remove the line; the tower is saved as it came");
            }
        }
        if (is(RecipeSchema.FREEZE_LANGUAGE_MODEL, true)) {
            problems.add(
                    settings.where(RecipeSchema.FREEZE_LANGUAGE_MODEL),
                    "freeze_config.freeze_language_model: true freezes everything, and nothing is left to train",
                    "write false; freeze_embeddings, freeze_router, freeze_experts and freeze_norms freeze parts of it");
        }
    }

    private void loss() {
        if (is(RecipeSchema.LOSS_FULL_LOGITS, true)) {
            refuseWithoutEffect(
                    RecipeSchema.LOSS_CHUNK_SIZE,
                    size -> size != RecipeSchema.USUAL_CHUNK,
                    "with loss.full_logits: true");
        }
    }

    private <T> void refuseWithoutEffect(Key<T> key, Predicate<T> asksForSomething, String when) {
        if (settings.isGiven(key) && settings.find(key).filter(asksForSomething).isPresent()) {
            problems.add(
                    settings.where(key), "%s has no effect %s".formatted(key.path(), when), "remove one of the two");
        }
    }

    private <T> boolean is(Key<T> key, T value) {
        return settings.find(key).filter(value::equals).isPresent();
    }

    private <T> boolean isNone(Key<Optional<T>> key) {
        return settings.find(key).filter(Optional::isEmpty).isPresent();
    }

    private <T> boolean isSome(Key<Optional<T>> key) {
        return settings.find(key).filter(Optional::isPresent).isPresent();
    }
}
