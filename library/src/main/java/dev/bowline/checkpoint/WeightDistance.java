package dev.bowline.checkpoint;

import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.statedict.KeyGroup;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The distance of a model's values from those in the files of a checkpoint.
///
/// @param squaredChange Σ (value − stored)²
/// @param squaredStored Σ stored²
public record WeightDistance(double squaredChange, double squaredStored) {

    /// Elements that are compared at once, so that nothing of a weight's size is allocated.
    private static final long CHUNK_ELEMENTS = 1L << 20;

    public static final WeightDistance NONE = new WeightDistance(0, 0);

    public WeightDistance plus(WeightDistance other) {
        return new WeightDistance(squaredChange + other.squaredChange, squaredStored + other.squaredStored);
    }

    /// ‖value − stored‖ / ‖stored‖; infinite where only zeros were stored and something changed.
    public double relative() {
        return squaredChange == 0 ? 0 : Math.sqrt(squaredChange / squaredStored);
    }

    /// The distance of each stored value of `model`, by its canonical name. Reads the files once, in chunks.
    /// Quantised values, which training does not change, have none.
    ///
    /// @param model loaded from `checkpoint`, and perhaps trained since
    public static SequencedMap<String, WeightDistance> of(Checkpoint checkpoint, LanguageModel model) {
        CheckpointMapping names = CheckpointMapping.of(checkpoint, model);
        SequencedMap<String, WeightDistance> distances = new LinkedHashMap<>();
        Set<Slot> done = new HashSet<>();
        try (NoGradGuard _ = new NoGradGuard()) {
            for (KeyGroup group : names.keys().groups()) {
                Map<String, List<ByteRange>> pieces = pieces(names, group);
                for (String slot : group.slots()) {
                    Slot root = names.slot(slot).root();
                    if (done.add(root) && root.get().quantization().isEmpty()) {
                        distances.put(root.path(), of(checkpoint, pieces.getOrDefault(slot, List.of()), root.get()));
                    }
                }
            }
        }
        return distances;
    }

    private static Map<String, List<ByteRange>> pieces(CheckpointMapping names, KeyGroup group) {
        SequencedMap<String, Long> keys = new LinkedHashMap<>();
        group.keys().forEach(key -> keys.put(key, names.checkpoint().entry(key).bytes()));
        SequencedMap<String, Long> slots = new LinkedHashMap<>();
        long size = names.checkpoint().entry(group.keys().getFirst()).type().bytes();
        group.slots().forEach(slot -> slots.put(slot, names.slot(slot).get().elements() * size));
        return ByteRange.cut(keys, slots);
    }

    private static WeightDistance of(Checkpoint checkpoint, List<ByteRange> pieces, Parameter parameter) {
        WeightDistance sum = NONE;
        long from = 0;
        for (ByteRange piece : pieces) {
            Dtype stored = ElementTypes.weightDtype(checkpoint.entry(piece.name()));
            long elements = piece.bytes() / stored.bytes();
            for (long at = 0; at < elements; at += CHUNK_ELEMENTS) {
                long size = Math.min(CHUNK_ELEMENTS, elements - at);
                try (TensorScope _ = TensorScope.open();
                        Arena arena = Arena.ofConfined()) {
                    // A read of a truncated mapped file would end the process, so the bytes are copied.
                    MemorySegment part = arena.allocate(size * stored.bytes(), Long.BYTES);
                    checkpoint.weights().copy(piece.name(), piece.from() + at * stored.bytes(), part);
                    Tensor before = HostTensors.view(part, stored, size);
                    Tensor now = parameter.value().detach().flatten().narrow(0, from + at, size);
                    sum = sum.plus(of(before, now));
                }
            }
            from += elements;
        }
        return sum;
    }

    private static WeightDistance of(Tensor before, Tensor now) {
        Tensor stored = Ops.cast(before, Dtype.FLOAT32);
        Tensor change = Ops.cast(now, Dtype.FLOAT32).sub(stored);
        return new WeightDistance(
                change.dot(change).item_double(), stored.dot(stored).item_double());
    }
}
