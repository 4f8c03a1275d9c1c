package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.parallel.ShardPlacement.Piece;
import dev.bowline.parallel.StateSlices.Slice;
import dev.bowline.platform.MemoryPages;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Parameters of one dtype in one memory. Each rank keeps its share of the elements.
///
/// The parameters are views of flat memory. The memory keeps its address, which saved tensors of a graph have, and
/// gives
/// its pages back while the values are not needed. This object owns the flat memory and the share.
abstract sealed class ShardedFlat implements AutoCloseable permits DenseFlat, ExpertFlat {

    private final ProcessGroup group;
    private final Dtype dtype;
    private final List<String> names;
    private final List<Parameter> parameters;
    private final ShardPlacement placement;
    private final List<Piece> pieces;
    private final Tensor flat;
    private final Tensor shard;

    /// @param parameters with their values, by canonical name; from now on their values are in the flat memory
    /// @param require runs before each use of a value
    ShardedFlat(
            ProcessGroup group,
            SequencedMap<String, Parameter> parameters,
            ShardPlacement placement,
            Runnable require) {
        this.group = group;
        this.placement = placement;
        names = List.copyOf(parameters.keySet());
        this.parameters = List.copyOf(parameters.values());
        dtype = this.parameters.getFirst().dtype();
        List<Long> elements = elements(parameters);
        pieces = placement.pieces(elements);
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            flat = Ops.empty(Device.CPU, dtype, placement.share() * group.worldSize());
            shard = Ops.zeros(Device.CPU, dtype, placement.share());
            flat.retainReference();
            shard.retainReference();
            for (Piece piece : ownPieces()) {
                shard.narrow(0, piece.at(), piece.length())
                        .copy_(this.parameters
                                .get(piece.parameter())
                                .value()
                                .detach()
                                .view(-1)
                                .narrow(0, piece.from(), piece.length()));
            }
            for (int i = 0; i < elements.size(); i++) {
                Parameter parameter = this.parameters.get(i);
                parameter.divide(of(flat, i).view(parameter.shape()), require);
            }
        }
    }

    static List<Long> elements(SequencedMap<String, Parameter> parameters) {
        return parameters.values().stream().map(Parameter::elements).toList();
    }

    final ProcessGroup group() {
        return group;
    }

    /// [world x share]
    final Tensor flat() {
        return flat;
    }

    /// The share of this rank.
    final Tensor shard() {
        return shard;
    }

    Dtype dtype() {
        return dtype;
    }

    List<String> names() {
        return names;
    }

    List<Parameter> parameters() {
        return parameters;
    }

    /// Elements of a rank's share.
    long share() {
        return placement.share();
    }

    /// The elements of a parameter in flat memory.
    ///
    /// @param memory [world x share]
    Tensor of(Tensor memory, int parameter) {
        return memory.narrow(
                0, placement.starts().get(parameter), parameters.get(parameter).elements());
    }

    /// The parts of all ranks.
    List<Piece> pieces() {
        return pieces;
    }

    /// The parts that this rank has.
    List<Piece> ownPieces() {
        return pieces.stream().filter(piece -> piece.owner() == group.rank()).toList();
    }

    /// The parts of all ranks by the name of their parameter.
    void addSlices(Map<String, List<Slice>> slices, Map<Slice, Place> own) {
        for (Piece piece : pieces) {
            String name = names.get(piece.parameter());
            Slice slice =
                    new Slice(name, parameters.get(piece.parameter()), piece.from(), piece.length(), piece.owner());
            slices.computeIfAbsent(name, _ -> new ArrayList<>()).add(slice);
            if (piece.owner() == group.rank()) {
                own.put(slice, new Place(this, piece));
            }
        }
    }

    /// A part of this rank.
    record Place(ShardedFlat flat, Piece piece) {

        /// The values, as a view in the caller's scope.
        Tensor values() {
            return flat.shard().narrow(0, piece.at(), piece.length());
        }
    }

    /// Fills the values that this rank computes with. Every rank calls this method.
    abstract void gather();

    /// Gives this rank the gradients of its share, and frees the gradients. Every rank calls this method in every pass.
    ///
    /// @param computes true for a rank that computes a micro-batch in this pass
    /// @param sums receives the gradients of each of this rank's pieces, float32 and owned by the receiver: a list
    ///     for each rank that computes, in the order of the ranks
    /// @return the parameters that have a gradient on any rank
    abstract BitSet reduce(IntPredicate computes, Consumer<List<Optional<Tensor>>> sums);

    /// A gradient in float32 and in memory of its own.
    static Tensor wide(Tensor gradient) {
        Tensor wide = Dtype.of(gradient.scalar_type()) == Dtype.FLOAT32
                ? gradient.clone()
                : Ops.cast(gradient, Dtype.FLOAT32);
        wide.retainReference();
        return wide;
    }

    /// Frees the gradients of this rank.
    void clearGradients() {
        parameters.forEach(Parameter::clearGradient);
    }

    /// Fills the flat memory on the first rank. Every rank calls this method.
    void gatherOnFirst() {
        try (TensorScope _ = TensorScope.open()) {
            long[] to = new long[group.worldSize()];
            long[] from = new long[group.worldSize()];
            from[0] = placement.share();
            if (group.isFirst()) {
                Arrays.fill(to, placement.share());
            }
            Tensor received = group.isFirst() ? flat : Ops.empty(Device.CPU, dtype, 0);
            group.allToAll(received, to, shard, from).await();
        }
    }

    /// Gives the pages of the flat memory back.
    void release() {
        MemoryPages.release(HostTensors.bytes(flat));
    }

    @Override
    public void close() {
        flat.close();
        shard.close();
    }
}
