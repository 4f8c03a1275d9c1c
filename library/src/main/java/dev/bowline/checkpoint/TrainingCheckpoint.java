package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/// One `step_N` directory, opened to resume from.
public final class TrainingCheckpoint implements AutoCloseable {

    private final Path directory;
    private final Weights weights;
    private final JsonObject json;
    private final TieLedger ledger;
    private final List<SafetensorsFile> opened = new ArrayList<>();

    /// The checkpoint that the model is loaded from.
    private sealed interface Weights {

        Checkpoint checkpoint();

        /// The directory itself. It is closed with the training checkpoint.
        record Own(Checkpoint checkpoint) implements Weights {}

        /// The base of an adapter, which belongs to the caller.
        record Base(Checkpoint checkpoint) implements Weights {}
    }

    private TrainingCheckpoint(Path directory, Weights weights, JsonObject json, TieLedger ledger) {
        this.directory = directory;
        this.weights = weights;
        this.json = json;
        this.ledger = ledger;
    }

    /// Opens the checkpoint of a run that trained the model itself.
    public static TrainingCheckpoint open(Path directory) {
        return open(directory, () -> new Weights.Own(Checkpoint.open(directory)));
    }

    /// Opens the checkpoint of a run that trained an adapter.
    ///
    /// @param base the checkpoint of the base model, which stays open when this object is closed
    public static TrainingCheckpoint ofAdapter(Path directory, Checkpoint base) {
        return open(directory, () -> new Weights.Base(base));
    }

    private static TrainingCheckpoint open(Path directory, Supplier<Weights> weights) {
        require(directory, TrainingState.FILE_NAME);
        require(directory, TieLedger.FILE_NAME);
        JsonObject json = Json.parse(directory.resolve(TrainingState.FILE_NAME)).asObject();
        if (hasOptimizer(json)) {
            require(directory, TrainingState.TENSORS_FILE_NAME);
        }
        TieLedger ledger = TieLedgerFile.read(directory);
        return new TrainingCheckpoint(directory, weights.get(), json, ledger);
    }

    private static void require(Path directory, String name) {
        if (!Files.isRegularFile(directory.resolve(name))) {
            throw new BowlineException(
                    "%s is not a training checkpoint: it has no %s".formatted(directory, name),
                    "name a step_N directory of a run, or start a new run from this model");
        }
    }

    private static boolean hasOptimizer(JsonObject json) {
        return json.optionalBoolean(TrainingState.HAS_OPTIMIZER).orElse(true);
    }

    /// The model's half, to load from and to save like; the base of an adapter.
    public Checkpoint checkpoint() {
        return weights.checkpoint();
    }

    /// The number of optimizer steps that were taken.
    public int step() {
        return json.requireInt("step");
    }

    public TieLedger ledger() {
        return ledger;
    }

    /// The saved state of the training, for `model`, which was loaded from [#checkpoint()].
    ///
    /// @return tensors in the caller's scope, as views of a file that stays mapped until this object is closed;
    ///     none if the optimizer's state was not saved
    /// @throws BowlineException when the model's ties are not those of the checkpoint, or a tied value has two
    /// states
    public TrainingState state(LanguageModel model) {
        requireSameTies(model);
        SequencedMap<String, Tensor> tensors = hasOptimizer(json)
                ? StateFile.views(mapped(directory.resolve(TrainingState.TENSORS_FILE_NAME)))
                : new LinkedHashMap<>();
        TrainingState.requireCanonical(tensors.keySet(), model, directory.toString());
        return new TrainingState(tensors, json.requireObject("state"));
    }

    private SafetensorsFile mapped(Path file) {
        SafetensorsFile state = SafetensorsFile.open(file);
        opened.add(state);
        return state;
    }

    /// Fills the adapter of `model` with the values that were saved. Does nothing if neither has an adapter.
    ///
    /// @throws BowlineException if the adapter that was saved does not have the slots and shapes of the model's
    public void restoreAdapter(LanguageModel model) {
        AdapterState.restore(directory, model);
    }

    private void requireSameTies(LanguageModel model) {
        CheckpointMapping names = CheckpointMapping.of(checkpoint(), model);
        boolean one = TiedWeights.isOne(model.lmHead(), model.inputEmbedding());
        List<String> aliases = one ? List.of(model.lmHead().path()) : List.of();
        Optional<String> canonical = names.key(model.inputEmbedding().path());
        for (TieGroup group : ledger.groups()) {
            if (!group.aliases().equals(aliases) || !canonical.equals(Optional.of(group.canonical()))) {
                throw new BowlineException(
                        "%s was saved with '%s' as %s, but the model has %s"
                                .formatted(
                                        directory,
                                        group.canonical(),
                                        description(group.aliases()),
                                        description(aliases)),
                        "resume with the recipe and config.json the run began with");
            }
            canonical.ifPresent(key -> requireSameValue(group, key));
        }
    }

    private void requireSameValue(TieGroup group, String key) {
        Optional<String> now = Optional.of(checkpoint().hash(key));
        switch (weights) {
            case Weights.Own _ -> {
                if (!group.hashAtSave().equals(now)) {
                    throw new BowlineException(
                            "%s: '%s' is not the tensor that was saved; its hash differs from the one in %s"
                                    .formatted(directory, key, TieLedger.FILE_NAME),
                            "resume from another checkpoint of the run; this one was changed");
                }
            }
            case Weights.Base(Checkpoint base) -> {
                if (!group.hashAtLoad().equals(now)) {
                    throw new BowlineException(
                            "%s was trained on another base model: '%s' of %s has another hash than the one in %s"
                                    .formatted(directory, key, base.directory(), TieLedger.FILE_NAME),
                            "resume with the base model that the run began with");
                }
            }
        }
    }

    private static String description(List<String> aliases) {
        return aliases.isEmpty() ? "a value of its own" : "one value with '" + String.join("', '", aliases) + "'";
    }

    @Override
    public void close() {
        opened.forEach(SafetensorsFile::close);
        switch (weights) {
            case Weights.Own(Checkpoint own) -> own.close();
            case Weights.Base _ -> {}
        }
    }
}
