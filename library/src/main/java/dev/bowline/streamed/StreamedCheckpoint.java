package dev.bowline.streamed;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.CheckpointMapping;
import dev.bowline.checkpoint.HeadComparison;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import dev.bowline.statedict.KeyGroup;
import dev.bowline.ties.HeadBytes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;

/// A checkpoint whose weights are read a few rows at a time, by the slots of its model. The model holds no
/// values.
public final class StreamedCheckpoint implements AutoCloseable {

    /// Neighbouring rows of one group of tensors.
    ///
    /// @param group the group's place in [#groups]
    /// @param first row
    public record Place(int group, long first, long count, long width) {}

    private final Checkpoint checkpoint;
    private final LanguageModel model;
    private CheckpointMapping mapping;
    private final LoadReport.HeadVerdict verdict;
    private final List<KeyGroup> groups = new ArrayList<>();
    private final List<Rows> rows = new ArrayList<>();
    private final SequencedMap<String, Place> places = new LinkedHashMap<>();

    private StreamedCheckpoint(Checkpoint checkpoint, LanguageModel model) {
        this.checkpoint = checkpoint;
        this.model = model;
        mapping = CheckpointMapping.of(checkpoint, model);
        verdict = CheckpointLoader.forecast(checkpoint, model, HeadComparison.ofFiles());
        mapping.keys().groups().forEach(this::add);
    }

    /// @throws BowlineException if the checkpoint cannot be loaded
    public static StreamedCheckpoint open(Path directory) {
        Checkpoint checkpoint = Checkpoint.open(directory);
        try {
            LanguageModel model = AutoModel.fromConfig(checkpoint.config());
            try {
                return new StreamedCheckpoint(checkpoint, model);
            } catch (RuntimeException e) {
                model.close();
                throw e;
            }
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    /// Gives the model, and the tables of token embeddings and of a separate head, more rows than the files have.
    /// The new rows are zero: they are for a caller that replaces each.
    ///
    /// @param count at least the present number of rows
    public void addRows(long count) {
        if (count == model.vocabularySize()) {
            return;
        }
        model.resizeTokenEmbeddings(count);
        mapping = CheckpointMapping.of(checkpoint, model);
        groups.clear();
        rows.clear();
        places.clear();
        mapping.keys().groups().forEach(this::add);
    }

    private void add(KeyGroup given) {
        KeyGroup group = given;
        if (given.slots().contains(head())) {
            switch (verdict.plan()) {
                case TIE, SEPARATE -> {}
                case TIE_FROM_HEAD -> group = new KeyGroup(given.kind(), given.keys(), List.of(embedding()));
                case TIE_AND_DROP_DUPLICATE -> {
                    return;
                }
            }
        }
        long first = 0;
        for (String name : group.slots()) {
            Slot slot = Objects.requireNonNull(mapping.slots().get(name));
            long[] shape = slot.shape();
            long width = shape.length == 0 ? 1 : shape[shape.length - 1];
            long count = slot.get().elements() / Math.max(1, width);
            places.put(name, new Place(groups.size(), first, count, width));
            first += count;
        }
        Rows stored = new StoredRows(checkpoint, group.keys());
        groups.add(group);
        rows.add(first > stored.count() ? new ExtendedRows(stored, first) : stored);
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    /// The config.json, with the number of rows of [#addRows].
    public JsonObject config() {
        return model.config();
    }

    /// The model of config.json, without values.
    public LanguageModel model() {
        return model;
    }

    public CheckpointMapping mapping() {
        return mapping;
    }

    /// The way a load fills the head.
    public HeadBytes.Plan headPlan() {
        return verdict.plan();
    }

    /// True if head and input embedding are one value.
    public boolean isTied() {
        return verdict.plan() != HeadBytes.Plan.SEPARATE;
    }

    /// The slot of the head.
    public String head() {
        return model.lmHead().path();
    }

    /// The slot of the input embedding.
    public String embedding() {
        return model.inputEmbedding().path();
    }

    /// The tensors of the model, each group with the slots that it fills. A tied head fills the embedding.
    public List<KeyGroup> groups() {
        return groups;
    }

    /// The rows of a group of tensors, one tensor below the other.
    public Rows rows(int group) {
        return rows.get(group);
    }

    /// The rows of a slot in its group. A tied head has those of the embedding.
    public Optional<Place> place(String slot) {
        return Optional.ofNullable(places.get(isTied() && slot.equals(head()) ? embedding() : slot));
    }

    /// The rows of a slot.
    public Rows rows(String slot) {
        Place place = place(slot).orElseThrow(() -> new IllegalArgumentException("no tensor fills " + slot));
        return rows.get(place.group()).part(place.first(), place.count());
    }

    @Override
    public void close() {
        model.close();
        checkpoint.close();
    }
}
