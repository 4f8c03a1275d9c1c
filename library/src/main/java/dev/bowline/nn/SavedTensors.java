package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Node;
import org.bytedeco.pytorch.PointerConsumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/// The saved tensors of one call of an [AutogradFunction], with its backward pass. The node of the graph owns them.
///
/// Native memory cannot refer to Java objects, so a table holds them by the node's address. An observer that the node
/// saves, a tensor without elements, has a deleter that removes the entry and frees the tensors. No entry outlives its
/// graph, and no entry needs a backward pass, a scope or a later call to be removed.
final class SavedTensors {

    private static final AtomicLong NUMBERS = new AtomicLong();
    private static final Map<Long, SavedTensors> BY_NUMBER = new ConcurrentHashMap<>();
    private static final Map<Long, SavedTensors> BY_NODE = new ConcurrentHashMap<>();
    private static final PointerConsumer DELETER = deleter();

    private final long number = NUMBERS.incrementAndGet();
    private final AutogradFunction.Backward backward;
    private final Tensor[] saved;
    private long node;

    /// The handle of the last result. libtorch takes a reference of its own only after the hook has returned.
    private Optional<TensorBase> result = Optional.empty();

    SavedTensors(AutogradFunction.Backward backward, Tensor... saved) {
        this.backward = backward;
        this.saved = new Tensor[saved.length];
        for (int i = 0; i < saved.length; i++) {
            this.saved[i] = saved[i].detach();
            this.saved[i].retainReference();
        }
    }

    private static PointerConsumer deleter() {
        PointerConsumer deleter = new PointerConsumer() {
            @Override
            public void call(Pointer number) {
                SavedTensors freed = BY_NUMBER.remove(number.address());
                if (freed != null) {
                    freed.free();
                }
            }
        };
        deleter.retainReference();
        return deleter;
    }

    /// The saved tensors of the node whose hooks libtorch runs.
    ///
    /// @throws IllegalStateException if they are freed already
    static SavedTensors of(Node node) {
        SavedTensors saved = BY_NODE.get(node.address());
        if (saved == null) {
            throw new IllegalStateException(
                    "the tensors saved for this backward pass are freed: it ran before and did not retain the graph");
        }
        return saved;
    }

    /// The bytes of all tensors that are saved now, in the graphs of all threads.
    static long bytes() {
        return BY_NUMBER.values().stream()
                .flatMap(each -> Arrays.stream(each.saved))
                .mapToLong(tensor -> tensor.numel() * tensor.element_size())
                .sum();
    }

    /// An int64 tensor without elements, in the caller's scope. The saved tensors are freed with its last reference.
    Tensor observer() {
        BY_NUMBER.put(number, this);
        return torch.from_blob(
                new Address(number), new long[] {0}, DELETER, new TensorOptions(Dtype.INT64.scalarType()));
    }

    void belongTo(Node owner) {
        node = owner.address();
        BY_NODE.put(node, this);
    }

    /// @param gradient dL/dy, closed by this call
    /// @return dL/dx, which this object closes when its graph goes
    TensorBase backward(TensorBase gradient) {
        Tensor computed;
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope scope = TensorScope.open()) {
            computed = new Tensor(backward.of(saved, new Tensor(gradient)));
            computed.retainReference();
        } finally {
            gradient.close();
        }
        result.ifPresent(Pointer::close);
        result = Optional.of(computed);
        return computed;
    }

    private void free() {
        BY_NODE.remove(node, this);
        for (Tensor tensor : saved) {
            tensor.close();
        }
        result.ifPresent(Pointer::close);
    }

    /// The number as the address that the deleter is given. Nothing is read there.
    private static final class Address extends Pointer {
        Address(long number) {
            address = number;
        }
    }
}
