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
import java.util.Set;
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

    private final ProcessGroup group;
    private final List<String> names;
    private final Map<String, Long> elements = new HashMap<>();
    private final Set<String> present = new HashSet<>();
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
            if (have.get(i)) {
                present.add(flat.names().get(i));
            }
        }
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

    /// Every rank has the norms of its tiles, and all ranks combine all of them in the order of the model.
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
            own.forEach((part, gradient) -> {
                Tensor norms = Gradients.tileNorms(gradient, elements(part.name()));
                long at = Objects.requireNonNull(first.get(part.name())) + part.from() / Gradients.NORM_ELEMENTS;
                all.narrow(0, at, norms.numel()).copy_(norms.view(-1));
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

    private long elements(String name) {
        return Objects.requireNonNull(elements.get(name));
    }

    private long tiles(String name) {
        return Math.ceilDiv(elements(name), Gradients.NORM_ELEMENTS);
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
