package dev.bowline.adapter.merge;

import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointRewrite.Written;
import dev.bowline.checkpoint.ElementTypes;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.checkpoint.SaveReport.Origin;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.statedict.KeyGroup;
import dev.bowline.streamed.Rows;
import dev.bowline.streamed.StreamedCheckpoint;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// The tensors of a merged checkpoint: those of the base in its order and under its names, and the head of a
/// pair that parts.
final class MergedTensors {

    private static final long CHUNK_BYTES = 8L << 20;

    private final StreamedCheckpoint base;
    private final MergedWeights weights;
    private final Optional<Dtype> dtype;
    private final List<Written> written = new ArrayList<>();
    private final List<MergedTensor> merged = new ArrayList<>();
    private final List<LoadReport.Ignored> dropped = new ArrayList<>();

    /// @param dtype of the weights in the base's main dtype; empty keeps it
    MergedTensors(StreamedCheckpoint base, MergedWeights weights, Optional<Dtype> dtype) {
        this.base = base;
        this.weights = weights;
        this.dtype = dtype;
        Map<String, Integer> groups = new HashMap<>();
        for (int i = 0; i < base.groups().size(); i++) {
            int group = i;
            base.groups().get(i).keys().forEach(key -> groups.put(key, group));
        }
        for (String key : base.checkpoint().keys()) {
            add(key, Optional.ofNullable(groups.get(key)));
        }
        switch (base.headPlan()) {
            case TIE, TIE_AND_DROP_DUPLICATE, SEPARATE -> {}
            case TIE_FROM_HEAD -> addEmbedding();
        }
        if (weights.isParted()) {
            addPartedHead();
        }
    }

    List<Written> written() {
        return written;
    }

    /// The tensors with a change or another dtype.
    List<MergedTensor> merged() {
        return merged;
    }

    List<LoadReport.Ignored> dropped() {
        return dropped;
    }

    private void add(String key, Optional<Integer> group) {
        Checkpoint checkpoint = base.checkpoint();
        TensorEntry entry = checkpoint.entry(key);
        if (group.isEmpty()) {
            boolean isHead = base.isTied() && isHeadKey(key);
            if (isHead) {
                drop(entry);
            } else {
                boolean passed = base.mapping().keys().passedThrough().containsKey(key);
                written.add(unchanged(entry, passed ? Origin.PASSED_THROUGH : Origin.KEPT));
            }
            return;
        }
        if (base.isTied() && isHeadKey(key)) {
            // The tied value has the embedding's name in the result.
            drop(entry);
            return;
        }
        KeyGroup tensors = base.groups().get(group.get());
        long first = 0;
        for (String each : tensors.keys()) {
            if (each.equals(key)) {
                break;
            }
            first += Rows.count(checkpoint.entry(each));
        }
        MergedRows rows = weights.rows(group.get());
        // The tensor of a table has more rows in the result, if the adapter has new tokens.
        long count = tensors.keys().size() == 1 ? rows.count() : Rows.count(entry);
        add(key, entry, part(rows, first, count));
    }

    private boolean isHeadKey(String key) {
        return base.mapping().key(base.head()).filter(key::equals).isPresent();
    }

    private void drop(TensorEntry entry) {
        dropped.add(
                new LoadReport.Ignored(entry.name(), "the head is '%s'".formatted(base.embedding()), entry.bytes()));
    }

    /// The changes of neighbouring rows, counted from the first of them.
    private static MergedRows part(MergedRows rows, long first, long count) {
        List<PlacedChange> changes =
                rows.in(first, count).stream().map(each -> each.movedUp(first)).toList();
        return new MergedRows(rows.base().part(first, count), changes);
    }

    private void add(String key, TensorEntry entry, MergedRows rows) {
        boolean isMain = entry.type() == base.mapping().storedType();
        SafetensorsType type =
                dtype.filter(_ -> isMain).map(ElementTypes::stored).orElse(entry.type());
        if (rows.changes().isEmpty() && type == entry.type() && key.equals(entry.name())) {
            written.add(unchanged(entry, Origin.UNCHANGED));
            return;
        }
        MergedTensor tensor = new MergedTensor(
                key,
                rows,
                ElementTypes.weightDtype(entry),
                ElementTypes.dtype(type).orElseThrow());
        merged.add(tensor);
        written.add(new Written(new TensorSource(key, type, shape(entry, rows), tensor), Origin.MODEL));
    }

    /// A table with new rows has another shape than the base's.
    private static List<Long> shape(TensorEntry entry, Rows rows) {
        return Rows.count(entry) == rows.count() ? entry.shape() : List.of(rows.count(), rows.width());
    }

    private void addEmbedding() {
        String head = base.mapping().key(base.head()).orElseThrow();
        StreamedCheckpoint.Place place = base.place(base.embedding()).orElseThrow();
        add(base.mapping().keys().keyOf(base.embedding()), base.checkpoint().entry(head), weights.rows(place.group()));
    }

    private void addPartedHead() {
        String stored = base.mapping()
                .key(base.embedding())
                .or(() -> base.mapping().key(base.head()))
                .orElseThrow();
        add(base.mapping().keys().keyOf(base.head()), base.checkpoint().entry(stored), weights.partedHead());
    }

    private Written unchanged(TensorEntry entry, Origin origin) {
        return new Written(
                new TensorSource(entry.name(), entry.type(), entry.shape(), bytes(base.checkpoint(), entry)), origin);
    }

    private static TensorBytes bytes(Checkpoint checkpoint, TensorEntry entry) {
        return sink -> {
            try (TensorScope _ = TensorScope.open()) {
                long size = Math.min(CHUNK_BYTES, entry.bytes());
                Tensor buffer = Ops.empty(Device.CPU, Dtype.UINT8, size);
                MemorySegment memory = HostTensors.bytes(buffer);
                for (long done = 0; done < entry.bytes(); done += size) {
                    MemorySegment piece = memory.asSlice(0, Math.min(size, entry.bytes() - done));
                    checkpoint.copy(entry.name(), done, piece);
                    sink.accept(piece);
                }
            }
        };
    }
}
