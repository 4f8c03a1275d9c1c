package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.checkpoint.SaveReport;
import dev.bowline.checkpoint.TrainingCheckpoint;
import dev.bowline.checkpoint.TrainingCheckpoints;
import dev.bowline.checkpoint.TrainingState;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.CheckpointSection;
import dev.bowline.recipe.RestoreFrom;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The training checkpoints of one run: where it goes on from, and what it leaves behind.
final class RunCheckpoints {

    private static final String TEMPLATE_DATE = "chat_template_date";

    private final CheckpointSection section;
    private final TrainingCheckpoints checkpoints;
    private final Optional<Path> resumedFrom;
    private final Set<Path> written = new HashSet<>();

    private RunCheckpoints(CheckpointSection section, TrainingCheckpoints checkpoints, Optional<Path> resumedFrom) {
        this.section = section;
        this.checkpoints = checkpoints;
        this.resumedFrom = resumedFrom;
    }

    /// Says what is wrong with a key of the recipe, where it stands.
    @FunctionalInterface
    interface Refusal {
        BowlineException of(String key, String problem, String fix);
    }

    /// @throws BowlineException if there is nothing to resume from, or nothing can be written, or a fresh run would
    ///     write into another's directory
    static RunCheckpoints of(CheckpointSection section, Refusal wrong) {
        TrainingCheckpoints checkpoints = TrainingCheckpoints.in(
                section.checkpointDir(), section.maxRecentCheckpoints().orElse(Integer.MAX_VALUE));
        Optional<Path> resumedFrom = section.restoreFrom().map(from -> switch (from) {
            case RestoreFrom.Latest _ ->
                checkpoints
                        .latest()
                        .orElseThrow(() -> wrong.of(
                                "checkpoint.restore_from",
                                "%s has no training checkpoint to resume from".formatted(section.checkpointDir()),
                                "remove checkpoint.restore_from to start afresh"));
            case RestoreFrom.Directory(Path path) -> requireTraining(path, wrong);
        });
        if (resumedFrom.isEmpty() && section.enabled() && !isEmpty(section.checkpointDir())) {
            throw wrong.of(
                    "checkpoint.checkpoint_dir",
                    "checkpoint.checkpoint_dir %s is not empty".formatted(section.checkpointDir()),
                    "name another directory, or go on with the run there: --set checkpoint.restore_from=LATEST");
        }
        requireWritable(section.checkpointDir(), wrong);
        return new RunCheckpoints(section, checkpoints, resumedFrom);
    }

    private static Path requireTraining(Path directory, Refusal wrong) {
        if (!Files.isRegularFile(directory.resolve(TrainingState.FILE_NAME))) {
            throw wrong.of(
                    "checkpoint.restore_from",
                    "%s is not a training checkpoint: it has no %s".formatted(directory, TrainingState.FILE_NAME),
                    "name a step_N directory of a run; a model to start from is model.pretrained_model_name_or_path");
        }
        return directory;
    }

    /// The training log is written there even when nothing is saved.
    private static void requireWritable(Path directory, Refusal wrong) {
        Path there = directory.toAbsolutePath();
        while (Files.notExists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        if (!Files.isWritable(there)) {
            throw wrong.of(
                    "checkpoint.checkpoint_dir",
                    "checkpoint.checkpoint_dir %s cannot be written: %s is read-only".formatted(directory, there),
                    "name a directory you may write to");
        }
    }

    private static boolean isEmpty(Path directory) {
        if (!Files.isDirectory(directory)) {
            return true;
        }
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.findAny().isEmpty();
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(directory, e.getMessage()),
                    "point checkpoint.checkpoint_dir at a directory you may read and write",
                    e);
        }
    }

    /// The training checkpoint the run goes on from.
    Optional<Path> resumedFrom() {
        return resumedFrom;
    }

    /// Gives a fine-tuning, whose model holds the checkpoint's weights, the rest of its state.
    ///
    /// @return what is not as it was, a sentence each
    List<String> restore(FineTuning tuning) {
        if (resumedFrom.isEmpty()) {
            return List.of();
        }
        try (TensorScope _ = TensorScope.open();
                TrainingCheckpoint saved = TrainingCheckpoint.open(resumedFrom.get())) {
            TrainingState state = saved.state(tuning.model());
            tuning.restore(state.state(), state.tensors());
            return changes(state.state(), tuning.progress());
        }
    }

    private List<String> changes(JsonObject saved, JsonObject now) {
        Optional<JsonObject> before = saved.optionalObject(FineTuning.SCHEDULER);
        JsonObject after = now.requireObject(FineTuning.SCHEDULER);
        if (before.isEmpty() || before.get().equals(after)) {
            return List.of();
        }
        return List.of("the learning rate does not go on as %s had it: %s, now %s"
                .formatted(resumedFrom.orElseThrow(), Json.compact(before.get()), Json.compact(after)));
    }

    /// The newest checkpoint of this run whose weights gave a later step a finite loss. Without one, the newest there
    /// is.
    ///
    /// @param failed the step whose loss was not finite
    Optional<Good> lastGood(long failed) {
        List<Good> before = new ArrayList<>();
        resumedFrom.ifPresent(path -> before.add(new Good(path, failed > stepOf(path) + 1)));
        checkpoints.list().stream()
                .filter(saved -> saved.step() < failed && isOfThisRun(saved))
                .forEach(saved -> before.add(new Good(saved.directory(), failed > saved.step() + 1)));
        return before.stream()
                .filter(Good::proven)
                .reduce((_, newer) -> newer)
                .or(() -> before.stream().reduce((_, newer) -> newer));
    }

    /// @param proven whether a later step's loss was finite
    record Good(Path directory, boolean proven) {}

    /// Not left by a run that went further before this one went back to an older step.
    private boolean isOfThisRun(TrainingCheckpoints.Saved saved) {
        boolean cameBefore = resumedFrom.isPresent()
                && saved.step() <= stepOf(resumedFrom.get())
                && Objects.equals(parent(saved.directory()), parent(resumedFrom.get()));
        return cameBefore || written.contains(saved.directory());
    }

    private static @Nullable Path parent(Path path) {
        return path.toAbsolutePath().normalize().getParent();
    }

    private static int stepOf(Path directory) {
        return Json.parse(directory.resolve(TrainingState.FILE_NAME)).asObject().requireInt("step");
    }

    /// The day that chat templates were told when the run began, if it goes on from one that noted it.
    Optional<LocalDate> templateDate() {
        return resumedFrom.flatMap(directory -> Json.parse(directory.resolve(TrainingState.FILE_NAME))
                .asObject()
                .optionalObject("state")
                .flatMap(state -> state.optionalString(TEMPLATE_DATE))
                .map(LocalDate::parse));
    }

    /// @param templateDate the day that chat templates were told
    SaveReport save(
            FineTuning tuning, Checkpoint source, LocalDate templateDate, Optional<ValidationResult> validation) {
        OptionalDouble metric = section.keepBest() && validation.isPresent()
                ? OptionalDouble.of(validation.get().loss())
                : OptionalDouble.empty();
        return save(checkpoints, tuning, source, templateDate, metric);
    }

    /// Saves besides those that are there: none is removed.
    SaveReport saveBesides(FineTuning tuning, Checkpoint source, LocalDate templateDate) {
        TrainingCheckpoints keepingAll = TrainingCheckpoints.in(section.checkpointDir(), Integer.MAX_VALUE);
        return save(keepingAll, tuning, source, templateDate, OptionalDouble.empty());
    }

    private SaveReport save(
            TrainingCheckpoints into,
            FineTuning tuning,
            Checkpoint source,
            LocalDate templateDate,
            OptionalDouble metric) {
        SaveReport report = into.save(
                Math.toIntExact(tuning.stepsTaken()),
                tuning.model(),
                SaveOptions.like(source).shardedAt(section.maxShardBytes()),
                new TrainingState(
                        new LinkedHashMap<>(tuning.optimizerState()),
                        tuning.progress().with(TEMPLATE_DATE, templateDate.toString())),
                metric);
        written.add(report.directory());
        return report;
    }
}
