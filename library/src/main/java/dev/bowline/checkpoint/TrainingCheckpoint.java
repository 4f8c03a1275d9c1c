package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import org.bytedeco.pytorch.Tensor;

/// One `step_N` directory, opened to resume from.
public final class TrainingCheckpoint implements AutoCloseable {

    private final Checkpoint checkpoint;
    private final JsonObject json;
    private final TieLedger ledger;

    private TrainingCheckpoint(Checkpoint checkpoint, JsonObject json, TieLedger ledger) {
        this.checkpoint = checkpoint;
        this.json = json;
        this.ledger = ledger;
    }

    public static TrainingCheckpoint open(Path directory) {
        require(directory, TrainingState.FILE_NAME);
        require(directory, TieLedger.FILE_NAME);
        JsonObject json = Json.parse(directory.resolve(TrainingState.FILE_NAME)).asObject();
        if (hasOptimizer(json)) {
            require(directory, TrainingState.TENSORS_FILE_NAME);
        }
        TieLedger ledger = TieLedgerFile.read(directory);
        return new TrainingCheckpoint(Checkpoint.open(directory), json, ledger);
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

    /// The model's half, to load from and to save like.
    public Checkpoint checkpoint() {
        return checkpoint;
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
    /// @return tensors in the caller's scope, in memory of their own; none if the optimizer's state was not saved
    /// @throws BowlineException when the model's ties are not those of the checkpoint, or a tied value has two
    /// states
    public TrainingState state(LanguageModel model) {
        requireSameTies(model);
        SequencedMap<String, Tensor> tensors = hasOptimizer(json)
                ? StateFile.read(checkpoint.directory().resolve(TrainingState.TENSORS_FILE_NAME))
                : new LinkedHashMap<>();
        TrainingState.requireCanonical(
                tensors.keySet(), model, checkpoint.directory().toString());
        return new TrainingState(tensors, json.requireObject("state"));
    }

    /// Fills the adapter of `model` with the values that were saved. Does nothing if neither has an adapter.
    ///
    /// @throws BowlineException if the adapter that was saved does not have the slots and shapes of the model's
    public void restoreAdapter(LanguageModel model) {
        AdapterState.restore(checkpoint.directory(), model);
    }

    private void requireSameTies(LanguageModel model) {
        CheckpointMapping names = CheckpointMapping.of(checkpoint, model);
        boolean one = TiedWeights.isOne(model.lmHead(), model.inputEmbedding());
        List<String> aliases = one ? List.of(model.lmHead().path()) : List.of();
        Optional<String> canonical = names.key(model.inputEmbedding().path());
        for (TieGroup group : ledger.groups()) {
            if (!group.aliases().equals(aliases) || !canonical.equals(Optional.of(group.canonical()))) {
                throw new BowlineException(
                        "%s was saved with '%s' as %s, but the model has %s"
                                .formatted(
                                        checkpoint.directory(),
                                        group.canonical(),
                                        description(group.aliases()),
                                        description(aliases)),
                        "resume with the recipe and config.json the run began with");
            }
            if (canonical.isPresent() && !group.hashAtSave().equals(canonical.map(checkpoint::hash))) {
                throw new BowlineException(
                        "%s: '%s' is not the tensor that was saved; its hash differs from the one in %s"
                                .formatted(checkpoint.directory(), group.canonical(), TieLedger.FILE_NAME),
                        "resume from another checkpoint of the run; this one was changed");
            }
        }
    }

    private static String description(List<String> aliases) {
        return aliases.isEmpty() ? "a value of its own" : "one value with '" + String.join("', '", aliases) + "'";
    }

    @Override
    public void close() {
        checkpoint.close();
    }
}
