package dev.bowline.parallel;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// A pairwise sum of lists of float32 tensors in the order in which they are added: 0+1, 2+3, ..., then pairs of pairs.
/// The order of the additions depends on the number of lists only.
///
/// A tensor that is absent in a list is left out of the sums there, not added as zeros, which would change the sign of
/// a zero.
///
/// The sums are owned by this object. Memory: a list of tensors for each level of the tree, log2 of the number of lists
/// and one more.
final class PairwiseSums implements AutoCloseable {

    /// A sum over 2^level lists, or over the last ones.
    private record Node(int level, List<Optional<Tensor>> sums) {}

    private final int tensors;
    private final Deque<Node> nodes = new ArrayDeque<>();

    /// @param tensors the length of each list
    PairwiseSums(int tensors) {
        this.tensors = tensors;
    }

    /// Adds a list.
    ///
    /// @param leaf float32 tensors, which this object owns from now on and changes
    void add(List<Optional<Tensor>> leaf) {
        try (NoGradGuard _ = new NoGradGuard()) {
            Node node = new Node(0, leaf);
            while (!nodes.isEmpty() && nodes.peek().level() == node.level()) {
                node = new Node(node.level() + 1, sum(nodes.pop().sums(), node.sums()));
            }
            nodes.push(node);
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

    /// The sums of all lists. The caller owns the tensors, and this object is empty again.
    List<Optional<Tensor>> take() {
        try (NoGradGuard _ = new NoGradGuard()) {
            List<Optional<Tensor>> total = new ArrayList<>();
            for (int i = 0; i < tensors; i++) {
                total.add(Optional.empty());
            }
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
