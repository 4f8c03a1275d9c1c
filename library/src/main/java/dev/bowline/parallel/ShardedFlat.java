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
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Parameters of one dtype whose values are gathered and freed together. Each rank keeps its share of the elements.
///
/// The parameters are views of flat memory. The memory keeps its address, which saved tensors of a graph have, and
/// gives
/// its pages back while the values are not needed. This object owns the flat memory and the share.
final class ShardedFlat implements AutoCloseable {

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
    ShardedFlat(ProcessGroup group, Dtype dtype, SequencedMap<String, Parameter> parameters, Runnable require) {
        this.group = group;
        this.dtype = dtype;
        names = List.copyOf(parameters.keySet());
        this.parameters = List.copyOf(parameters.values());
        List<Long> elements = this.parameters.stream().map(Parameter::elements).toList();
        placement = ShardPlacement.of(elements, group.worldSize());
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
            return flat.shard.narrow(0, piece.at(), piece.length());
        }
    }

    /// Fills the flat memory on every rank.
    void gather() {
        group.allGather(flat, shard).await();
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
