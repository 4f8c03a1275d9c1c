package dev.bowline.parallel;

import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The pairwise sum of the gradients of micro-batches in float32: 0+1, 2+3, ..., then pairs of pairs. The order depends
/// on the number of micro-batches only.
///
/// A parameter without a gradient in a micro-batch is left out of the sums there, not added as zeros, which would
/// change the sign of a zero.
///
/// The sums are owned by this object. Memory: a float32 gradient for each level of the tree, log2 of the number of
/// micro-batches and one more.
final class PartialSums implements AutoCloseable {

    /// A sum over 2^level micro-batches, or over the last ones.
    ///
    /// @param sums a float32 tensor for each parameter that has a gradient, in the order of the parameters
    private record Node(int level, List<Optional<Tensor>> sums) {}

    private final List<Parameter> parameters;
    private final Deque<Node> nodes = new ArrayDeque<>();

    PartialSums(List<Parameter> parameters) {
        this.parameters = List.copyOf(parameters);
    }

    /// Takes the gradients of one micro-batch away from the parameters and adds them.
    void add() {
        try (NoGradGuard _ = new NoGradGuard()) {
            List<Optional<Tensor>> leaf = new ArrayList<>();
            for (Parameter parameter : parameters) {
                leaf.add(taken(parameter));
            }
            Node node = new Node(0, leaf);
            while (!nodes.isEmpty() && nodes.peek().level() == node.level()) {
                node = new Node(node.level() + 1, sum(nodes.pop().sums(), node.sums()));
            }
            nodes.push(node);
        }
    }

    private static Optional<Tensor> taken(Parameter parameter) {
        try (PointerScope _ = new PointerScope()) {
            Optional<Tensor> gradient = parameter.gradient();
            if (gradient.isEmpty()) {
                return Optional.empty();
            }
            Tensor wide = Ops.cast(gradient.get(), Dtype.FLOAT32);
            wide.retainReference();
            parameter.clearGradient();
            return Optional.of(wide);
        }
    }

    /// Adds `second` to `first` in place and frees `second`.
    private static List<Optional<Tensor>> sum(List<Optional<Tensor>> first, List<Optional<Tensor>> second) {
        List<Optional<Tensor>> sums = new ArrayList<>();
        for (int i = 0; i < first.size(); i++) {
            Optional<Tensor> one = first.get(i);
            Optional<Tensor> other = second.get(i);
            if (one.isPresent() && other.isPresent()) {
                try (PointerScope _ = new PointerScope();
                        Tensor added = other.get()) {
                    one.get().add_(added);
                }
            }
            sums.add(one.isPresent() ? one : other);
        }
        return sums;
    }

    /// The sum over all micro-batches that were added, for each parameter. The caller owns the tensors, and this object
    /// is empty again.
    List<Optional<Tensor>> take() {
        try (NoGradGuard _ = new NoGradGuard()) {
            List<Optional<Tensor>> total =
                    parameters.stream().map(_ -> Optional.<Tensor>empty()).toList();
            while (!nodes.isEmpty()) {
                List<Optional<Tensor>> left = nodes.pop().sums();
                total = sum(left, total);
            }
            return total;
        }
    }

    /// Frees all sums.
    @Override
    public void close() {
        for (Node node : nodes) {
            node.sums().stream().flatMap(Optional::stream).forEach(Tensor::close);
        }
        nodes.clear();
    }
}
