package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.StepGradients;
import dev.bowline.parallel.ShardPlacement.Piece;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/// The gradients of a step, of which each rank has its share. This object owns them.
final class ShardGradients implements StepGradients {

    /// A part of a parameter in this rank's share.
    ///
    /// @param from the first element
    record Part(String name, long from) {}

    private static final long TILE = Gradients.NORM_ELEMENTS;

    private final ProcessGroup group;
    private final List<String> names;
    private final Map<String, Long> elements = new HashMap<>();
    private final Map<String, Dtype> dtypes = new HashMap<>();
    private final Set<String> present = new HashSet<>();

    /// The tiles of each parameter in which a cut is, in an order that every rank has.
    private final SequencedMap<String, SortedSet<Long>> sharedTiles = new LinkedHashMap<>();

    private final Map<Part, Tensor> own = new LinkedHashMap<>();

    /// @param names of the parameters, in the order of the model
    ShardGradients(ProcessGroup group, List<String> names) {
        this.group = group;
        this.names = names;
    }

    /// Rounds the sums of a part of the model to the dtype of its parameters, and frees them.
    ///
    /// @param sums for each of this rank's pieces
    /// @param have the parameters that have a gradient on any rank
    void add(ShardedFlat flat, List<Optional<Tensor>> sums, BitSet have) {
        for (int i = 0; i < flat.parameters().size(); i++) {
            Parameter parameter = flat.parameters().get(i);
            elements.put(flat.names().get(i), parameter.elements());
            dtypes.put(flat.names().get(i), flat.dtype());
            if (have.get(i)) {
                present.add(flat.names().get(i));
            }
        }
        flat.pieces().stream()
                .filter(piece -> piece.from() % TILE != 0)
                .forEach(piece -> sharedTiles
                        .computeIfAbsent(flat.names().get(piece.parameter()), _ -> new TreeSet<>())
                        .add(piece.from() / TILE));
        List<Piece> pieces = flat.ownPieces();
        for (int i = 0; i < pieces.size(); i++) {
            Part part = new Part(
                    flat.names().get(pieces.get(i).parameter()), pieces.get(i).from());
            sums.get(i).ifPresent(sum -> own.put(part, rounded(sum, flat.dtype())));
        }
    }

    private static Tensor rounded(Tensor sum, Dtype dtype) {
        if (dtype == Dtype.FLOAT32) {
            return sum;
        }
        try (sum;
                TensorScope _ = TensorScope.open()) {
            Tensor rounded = Ops.cast(sum, dtype);
            rounded.retainReference();
            return rounded;
        }
    }

    /// The gradient of a part of this rank, `[N]`.
    Optional<Tensor> of(Part part) {
        return Optional.ofNullable(own.get(part));
    }

    @Override
    public List<String> missing() {
        return names.stream().filter(name -> !present.contains(name)).toList();
    }

    /// Every rank has the norms of its tiles, and all ranks combine all of them in the order of the model. A tile of
    /// which several ranks have elements is first given to all of them.
    @Override
    public double norm() {
        Map<String, Long> first = new HashMap<>();
        long tiles = 0;
        for (String name : names) {
            first.put(name, tiles);
            tiles += tiles(name);
        }
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Tensor all = Ops.zeros(Device.CPU, Dtype.FLOAT32, Math.max(1, tiles));
            own.forEach((part, gradient) -> wholeTiles(part, gradient)
                    .ifPresent(whole -> all.narrow(
                                    0,
                                    Objects.requireNonNull(first.get(part.name())) + whole.from() / TILE,
                                    Math.ceilDiv(whole.gradient().numel(), TILE))
                            .copy_(Gradients.tileNorms(whole.gradient(), elements(part.name()))
                                    .view(-1))));
            sharedTiles.forEach((name, shared) -> {
                if (present.contains(name)) {
                    addSharedTiles(name, shared, all, Objects.requireNonNull(first.get(name)));
                }
            });
            // One rank has a norm and the others have zeros, so the sum is exact.
            group.allReduce(all).await();
            TensorVector norms = new TensorVector();
            for (String name : names) {
                if (present.contains(name)) {
                    long at = Objects.requireNonNull(first.get(name));
                    norms.push_back(
                            Ops.norm(all.narrow(0, at, tiles(name)).clone().view(-1, 1)));
                }
            }
            return norms.empty() ? 0 : Ops.norm(Ops.stack(norms)).item_double();
        }
    }

    /// Consecutive tiles of a parameter.
    ///
    /// @param from the first element in the parameter
    private record Tiles(long from, Tensor gradient) {}

    /// The tiles of a part that no other rank has elements of.
    private Optional<Tiles> wholeTiles(Part part, Tensor gradient) {
        long end = part.from() + gradient.numel();
        long from = Math.ceilDiv(part.from(), TILE) * TILE;
        long to = end == elements(part.name()) ? end : end / TILE * TILE;
        return from < to
                ? Optional.of(new Tiles(from, gradient.narrow(0, from - part.from(), to - from)))
                : Optional.empty();
    }

    /// Adds the norms of tiles of which several ranks have elements, on the first rank.
    ///
    /// @param tiles in order
    /// @param all the norms of all tiles of the model
    /// @param first the place of the parameter's first tile
    private void addSharedTiles(String name, SortedSet<Long> tiles, Tensor all, long first) {
        List<Long> order = List.copyOf(tiles);
        Dtype dtype = Objects.requireNonNull(dtypes.get(name));
        Tensor shared = Ops.zeros(Device.CPU, dtype, order.size(), TILE);
        own.forEach((part, gradient) -> {
            if (part.name().equals(name)) {
                for (int i = 0; i < order.size(); i++) {
                    long begin = order.get(i) * TILE;
                    long from = Math.max(begin, part.from());
                    long to = Math.min(begin + TILE, part.from() + gradient.numel());
                    if (from < to) {
                        shared.select(0, i)
                                .narrow(0, from - begin, to - from)
                                .copy_(gradient.narrow(0, from - part.from(), to - from));
                    }
                }
            }
        });
        // One rank has an element and the others have zeros, so the sum is exact.
        group.allReduce(shared).await();
        if (group.isFirst()) {
            for (int i = 0; i < order.size(); i++) {
                long length = Math.min(TILE, elements(name) - order.get(i) * TILE);
                Tensor tile = shared.select(0, i).narrow(0, 0, length);
                all.narrow(0, first + order.get(i), 1)
                        .copy_(Gradients.tileNorms(tile, elements(name)).view(-1));
            }
        }
    }

    private long elements(String name) {
        return Objects.requireNonNull(elements.get(name));
    }

    private long tiles(String name) {
        return Math.ceilDiv(elements(name), TILE);
    }

    @Override
    public void clip(double norm, double maxNorm) {
        if (!(norm > maxNorm)) {
            return;
        }
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Scalar factor = Gradients.clipFactor(norm, maxNorm);
            own.values().forEach(gradient -> gradient.mul_(factor));
        }
    }

    @Override
    public void clear() {
        own.values().forEach(Tensor::close);
        own.clear();
    }
}
