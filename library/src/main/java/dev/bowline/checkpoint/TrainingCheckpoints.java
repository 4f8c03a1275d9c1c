package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.ModelSave.Extras;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.files.AtomicFile;
import dev.bowline.files.DirectoryReplacement;
import dev.bowline.files.DurableFiles;
import dev.bowline.files.NewFile;
import dev.bowline.files.PartialName;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.ties.TieLedger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The checkpoints of one training run: `step_N` directories, each a Hugging Face directory that loads anywhere
/// with the training state in it, and `LATEST`, which names the one to resume from.
///
/// A directory appears whole or not at all, so whatever is called `step_N` and has a training state is
/// complete.
public final class TrainingCheckpoints {

    /// The text file that names the newest directory.
    public static final String LATEST = "LATEST";

    private static final Pattern STEP = Pattern.compile("step_(\\d{1,9})");
    private static final Pattern LEFTOVER =
            Pattern.compile("\\.(step_\\d+|LATEST)\\..*\\Q" + PartialName.SUFFIX + "\\E");

    private static final String METRIC_NAME = "metric_name";

    /// The metric of a checkpoint that names none.
    private static final String VALIDATION_LOSS = "val_loss";

    private final Path directory;
    private final int keepLast;
    private final String metricName;

    /// One that is on the disk.
    ///
    /// @param metric the value it was saved with, such as the validation loss; empty if that was another metric
    public record Saved(int step, Path directory, OptionalDouble metric) {}

    private TrainingCheckpoints(Path directory, int keepLast, String metricName) {
        this.directory = directory;
        this.keepLast = keepLast;
        this.metricName = metricName;
    }

    /// @param directory of the run; made when it is first saved to
    /// @param keepLast how many of the newest stay; the best stays too
    public static TrainingCheckpoints in(Path directory, int keepLast) {
        if (keepLast < 1) {
            throw new IllegalArgumentException("at least one checkpoint must be kept, not " + keepLast);
        }
        return new TrainingCheckpoints(directory, keepLast, VALIDATION_LOSS);
    }

    /// The same with another metric, whose name each checkpoint has. Values of different metrics are not compared.
    public TrainingCheckpoints judgedBy(String metric) {
        return new TrainingCheckpoints(directory, keepLast, metric);
    }

    /// The same as [#save(int, LanguageModel, SaveOptions, StateToSave, OptionalDouble)] for tensors in memory.
    public SaveReport save(
            int step, LanguageModel model, SaveOptions options, TrainingState state, OptionalDouble metric) {
        return save(step, model, options, StateToSave.of(state), metric);
    }

    /// Saves `step_N`, then makes `LATEST` name it, then removes what is neither among the newest nor the best.
    /// One of that step that is there already, from a run that went further before, is replaced.
    ///
    /// @param state without tensors for a checkpoint without the optimizer's state
    /// @param metric the smaller, the better; empty when nothing was measured
    public SaveReport save(
            int step, LanguageModel model, SaveOptions options, StateToSave state, OptionalDouble metric) {
        removeLeftovers();
        StepFiles files = StepFiles.of(step, model, state, new StepFiles.Metric(metricName, metric));
        Path target = target(step);
        SaveReport report = new ModelSave(model, options)
                .replace(target, new Extras(files.tensorBytes(), files.textBytes(), files::write));
        pointTo(target);
        return report.with(prune(options.source().map(Checkpoint::directory)));
    }

    /// The same for a run that trains an adapter: the directory has the adapter in place of the model.
    public SaveReport saveAdapter(
            int step, LanguageModel model, AdapterSave adapter, StateToSave state, OptionalDouble metric) {
        removeLeftovers();
        StepFiles files = StepFiles.of(step, model, state, new StepFiles.Metric(metricName, metric));
        Path target = target(step);
        TieLedger ledger = TieLedgerFile.ofBase(adapter.base(), model);
        AtomicDirectory.replace(target, adapter.bytes() + files.bytes(), aside -> {
            adapter.files().writeTo(aside);
            files.write(aside, new CountedSave(adapter.progress(), files.tensorBytes()));
            NewFile.write(aside.resolve(TieLedger.FILE_NAME), TieLedgerFile.text(ledger));
        });
        pointTo(target);
        return SaveReport.ofAdapter(target, ledger, adapter.bytes() + files.bytes())
                .with(prune(Optional.of(adapter.base().directory())));
    }

    private Path target(int step) {
        return directory.resolve("step_" + step);
    }

    /// Removes what a process that died was writing. No other process may be saving here.
    public void clean() {
        removeLeftovers();
    }

    /// True if a name in a checkpoint directory is that of an unfinished write of a process that died.
    public static boolean isLeftover(String name) {
        return LEFTOVER.matcher(name).matches();
    }

    /// The one to resume from: the one `LATEST` names, or the newest where that says nothing usable.
    public Optional<Path> latest() {
        List<Saved> all = list();
        Optional<String> named = named();
        return all.stream()
                .map(Saved::directory)
                .filter(path ->
                        named.filter(path.getFileName().toString()::equals).isPresent())
                .findFirst()
                .or(() -> all.isEmpty()
                        ? Optional.empty()
                        : Optional.of(all.getLast().directory()));
    }

    /// The one with the smallest metric.
    public Optional<Saved> best() {
        return list().stream()
                .filter(saved -> saved.metric().isPresent()
                        && !Double.isNaN(saved.metric().getAsDouble()))
                .min(Comparator.comparingDouble(saved -> saved.metric().getAsDouble()));
    }

    /// Every complete one, by step. A replacement that a killed process began is finished first.
    public List<Saved> list() {
        finishReplacements();
        List<Saved> saved = new ArrayList<>();
        for (Path path : children()) {
            Matcher step = STEP.matcher(path.getFileName().toString());
            Path state = path.resolve(TrainingState.FILE_NAME);
            if (step.matches() && Files.isRegularFile(state)) {
                JsonObject json = Json.parse(state).asObject();
                boolean isSameMetric =
                        json.optionalString(METRIC_NAME).orElse(VALIDATION_LOSS).equals(metricName);
                saved.add(new Saved(
                        Integer.parseInt(step.group(1)),
                        path,
                        isSameMetric ? json.optionalDouble("metric") : OptionalDouble.empty()));
            }
        }
        return saved.stream().sorted(Comparator.comparingInt(Saved::step)).toList();
    }

    private Optional<String> named() {
        try {
            return Optional.of(Files.readString(directory.resolve(LATEST)).strip());
        } catch (java.nio.file.NoSuchFileException _) {
            return Optional.empty();
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private void pointTo(Path target) {
        try {
            AtomicFile.write(directory.resolve(LATEST), target.getFileName() + "\n");
        } catch (IOException e) {
            throw new BowlineException(
                    "%s was saved completely, but %s does not name it: %s"
                            .formatted(target, directory.resolve(LATEST), e.getMessage()),
                    "check the disk's space and permissions; to resume from it, name that directory",
                    e);
        }
    }

    /// @param source the run's own source, from which the next save still takes files
    ///
    /// @return which could not be removed, a sentence each
    private List<String> prune(Optional<Path> source) {
        List<String> notes = new ArrayList<>();
        List<Saved> all = list();
        Set<Path> kept = new HashSet<>();
        all.subList(Math.max(0, all.size() - keepLast), all.size()).forEach(saved -> kept.add(saved.directory()));
        best().ifPresent(saved -> kept.add(saved.directory()));
        latest().ifPresent(kept::add);
        for (Saved saved : all) {
            if (!kept.contains(saved.directory())
                    && !source.filter(path -> isSame(path, saved)).isPresent()) {
                remove(saved.directory()).ifPresent(notes::add);
            }
        }
        return notes;
    }

    private static boolean isSame(Path path, Saved saved) {
        return path.toAbsolutePath()
                .normalize()
                .equals(saved.directory().toAbsolutePath().normalize());
    }

    private Optional<String> remove(Path checkpoint) {
        try {
            AtomicDirectory.delete(checkpoint);
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of(
                    "the older checkpoint %s could not be removed: %s".formatted(checkpoint, e.getMessage()));
        }
    }

    private void finishReplacements() {
        if (Files.isDirectory(directory)) {
            try {
                DirectoryReplacement.finishAll(directory);
            } catch (IOException e) {
                throw unusable(e);
            }
        }
    }

    /// Deletes the files that a killed process was writing or deleting.
    private void removeLeftovers() {
        finishReplacements();
        for (Path path : children()) {
            if (LEFTOVER.matcher(path.getFileName().toString()).matches()) {
                try {
                    DurableFiles.deleteRecursively(path);
                } catch (IOException e) {
                    throw unusable(e);
                }
            }
        }
    }

    private List<Path> children() {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(directory)) {
            return children.toList();
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private BowlineException unusable(IOException e) {
        return new BowlineException(
                "the checkpoints in %s cannot be kept: %s".formatted(directory, e.getMessage()),
                "check the disk's space and permissions",
                e);
    }
}
