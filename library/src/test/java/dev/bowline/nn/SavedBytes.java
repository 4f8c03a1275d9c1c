package dev.bowline.nn;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import org.bytedeco.pytorch.Node;
import org.bytedeco.pytorch.Tensor;

/// Counts the bytes that the autograd functions of a graph have saved.
final class SavedBytes {

    private SavedBytes() {}

    /// @param results whose graphs are counted, each node once
    static long of(Tensor... results) {
        Deque<Node> open = new ArrayDeque<>();
        for (Tensor result : results) {
            open.add(result.grad_fn());
        }
        Set<Long> seen = new HashSet<>();
        long bytes = 0;
        while (!open.isEmpty()) {
            Node node = open.remove();
            if (!seen.add(node.address())) {
                continue;
            }
            bytes += SavedTensors.find(node).stream()
                    .flatMap(saved -> saved.tensors().stream())
                    .mapToLong(tensor -> tensor.numel() * tensor.element_size())
                    .sum();
            for (long i = 0; i < node.num_outputs(); i++) {
                if (node.next_edge(i).is_valid()) {
                    open.add(node.next_edge(i).function());
                }
            }
        }
        return bytes;
    }
}
