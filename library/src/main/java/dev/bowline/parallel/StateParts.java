package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.StateTensor;
import dev.bowline.optim.WholeState;
import dev.bowline.parallel.StateSlices.Slice;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/// The state tensors of an optimizer of which each rank has parts. The first rank reads them while the others serve,
/// see
/// [ServedValues].
final class StateParts implements WholeState {

    /// The most bytes that the first rank has at once of what other ranks have.
    static final long CHUNK_BYTES = 64L << 20;

    private final ProcessGroup group;
    private final SequencedMap<String, StateTensor> tensors = new LinkedHashMap<>();
    private final List<String> names;

    /// The elements of each tensor that each rank has, in the order of the ranks.
    private final Map<String, long[]> lengths = new LinkedHashMap<>();

    private final Supplier<Map<String, Tensor>> own;
    private final long chunkBytes;
    private Optional<ServedValues> served = Optional.empty();

    /// @param layout the state tensors of a parameter
    /// @param own this rank's parts, which may change between two reads
    /// @param chunkBytes the most bytes that travel at once
    StateParts(
            ProcessGroup group,
            StateSlices slices,
            SequencedMap<String, Parameter> trainable,
            Layout layout,
            Supplier<Map<String, Tensor>> own,
            long chunkBytes) {
        this.group = group;
        this.own = own;
        this.chunkBytes = chunkBytes;
        trainable.forEach((name, parameter) -> {
            for (StateTensor each : layout.of(parameter)) {
                String key = "%s.%s".formatted(name, each.name());
                tensors.put(key, each);
                lengths.put(key, lengths(slices, name, parameter, each));
            }
        });
        names = List.copyOf(tensors.keySet());
    }

    /// The state tensors of a parameter.
    @FunctionalInterface
    interface Layout {
        List<StateTensor> of(Parameter parameter);
    }

    /// The elements of a state tensor that each rank has. Every rank with a slice has the number of steps, and the rank
    /// of the first slice gives it.
    private long[] lengths(StateSlices slices, String name, Parameter parameter, StateTensor state) {
        long[] each = new long[group.worldSize()];
        boolean isScalar = state.shape().isEmpty();
        boolean isFirst = true;
        for (Slice slice : slices.slices()) {
            if (slice.name().equals(name)) {
                long part = isScalar ? (isFirst ? 1 : 0) : scaled(state, parameter, slice.length());
                each[slice.owner()] += part;
                isFirst = false;
            }
        }
        return each;
    }

    /// The length of a part of a state tensor. A tensor with an element for each block of a parameter has fewer.
    static long scaled(StateTensor state, Parameter parameter, long length) {
        return Math.ceilDiv(length, state.elementsOfOne(parameter.elements()));
    }

    @Override
    public SequencedMap<String, StateTensor> tensors() {
        return tensors;
    }

    /// Lets the first rank read until it ends.
    void servedBy(Optional<ServedValues> values) {
        served = values;
    }

    @Override
    public void read(String name, Consumer<Tensor> piece) {
        ServedValues values = served.orElseThrow(
                () -> new IllegalStateException("the other ranks do not give their parts of '%s' now".formatted(name)));
        StateTensor state = Objects.requireNonNull(tensors.get(name));
        long most = chunkBytes / state.dtype().bytes();
        long mine = Objects.requireNonNull(lengths.get(name))[0];
        if (mine > 0) {
            try (TensorScope _ = TensorScope.open()) {
                piece.accept(part(name));
            }
        }
        for (long from = mine; from < state.elements(); from += most) {
            try (TensorScope _ = TensorScope.open()) {
                piece.accept(values.fetchState(names.indexOf(name), from));
            }
        }
    }

    private Tensor part(String name) {
        Tensor part = own.get().get(name);
        if (part == null) {
            throw new IllegalStateException("rank %d has no part of '%s'".formatted(group.rank(), name));
        }
        return part.reshape(-1);
    }

    /// Gives the first rank elements of a tensor. Every rank calls this method.
    ///
    /// @param index of the tensor
    /// @param from the first element, which another rank has
    /// @return on the first rank the next elements, in the caller's scope; no elements on the others
    Tensor gather(int index, long from) {
        String name = names.get(index);
        StateTensor state = Objects.requireNonNull(tensors.get(name));
        long to = Math.min(state.elements(), from + chunkBytes / state.dtype().bytes());
        long[] toRows = new long[group.worldSize()];
        long[] fromRows = new long[group.worldSize()];
        Tensor sent = Ops.empty(Device.CPU, state.dtype(), 0);
        long begin = 0;
        long[] each = Objects.requireNonNull(lengths.get(name));
        for (int rank = 0; rank < each.length; rank++) {
            long first = Math.max(from, begin);
            long length = Math.max(0, Math.min(to, begin + each[rank]) - first);
            if (group.isFirst()) {
                toRows[rank] = length;
            }
            if (rank == group.rank() && length > 0) {
                fromRows[0] = length;
                sent = part(name).narrow(0, first - begin, length);
            }
            begin += each[rank];
        }
        Tensor received = Ops.empty(Device.CPU, state.dtype(), group.isFirst() ? to - from : 0);
        group.allToAll(received, toRows, sent, fromRows).await();
        return received;
    }
}
