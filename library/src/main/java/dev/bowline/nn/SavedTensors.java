package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Node;
import org.bytedeco.pytorch.PointerConsumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/// The saved tensors of one call of an [AutogradFunction], with its backward pass. The node of the graph owns
/// them.
///
/// The node holds this object by a JNI global reference, the only kind of reference that native memory can have
/// to a Java object. Two places of the node carry it: the field that PyTorch reserves for the node's Python
/// object, where the backward pass finds it, and an observer that the node saves, a tensor without elements. The
/// deleter of the observer deletes the reference and frees the tensors. The tensors are therefore freed with the
/// graph, without a backward pass, a scope or a later call.
final class SavedTensors {

    private static final PointerConsumer DELETER = deleter();

    private final AutogradFunction.Backward backward;
    private final Tensor[] saved;
    private final Pointer reference;

    /// A handle that holds no reference: the node owns this object.
    private Optional<Node> owner = Optional.empty();

    /// The handle of the last result. libtorch takes its own reference only after the hook has returned.
    private Optional<TensorBase> result = Optional.empty();

    SavedTensors(AutogradFunction.Backward backward, Tensor... saved) {
        this.backward = backward;
        this.saved = new Tensor[saved.length];
        for (int i = 0; i < saved.length; i++) {
            this.saved[i] = saved[i].detach();
            this.saved[i].retainReference();
        }
        reference = Loader.newGlobalRef(this);
    }

    private static PointerConsumer deleter() {
        PointerConsumer deleter = new PointerConsumer() {
            @Override
            public void call(Pointer reference) {
                SavedTensors freed = (SavedTensors) Loader.accessGlobalRef(reference);
                Loader.deleteGlobalRef(reference);
                freed.free();
            }
        };
        deleter.retainReference();
        return deleter;
    }

    /// The saved tensors of the node whose hooks libtorch runs.
    ///
    /// @throws IllegalStateException if the saved tensors are already freed
    static SavedTensors of(Node node) {
        return find(node)
                .orElseThrow(() -> new IllegalStateException("the tensors saved for this backward pass are freed:"
                        + " it ran before and did not retain the graph"));
    }

    static Optional<SavedTensors> find(Node node) {
        Pointer reference = node.pyobj();
        return Pointer.isNull(reference)
                ? Optional.empty()
                : Optional.of((SavedTensors) Loader.accessGlobalRef(reference));
    }

    /// Handles that this object owns.
    List<Tensor> tensors() {
        return List.of(saved);
    }

    /// An int64 tensor without elements, in the caller's scope. The saved tensors are freed with its last
    /// reference.
    Tensor observer() {
        return torch.from_blob(reference, new long[] {0}, DELETER, new TensorOptions(Dtype.INT64.scalarType()));
    }

    void belongTo(Node node) {
        node.set_pyobj(reference);
        owner = Optional.of(new Node(new Address(node.address())));
    }

    /// @param gradient dL/dy, closed by this call
    /// @return dL/dx, which this object closes when the graph is freed
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
        // The node is alive: it releases the observer before its own memory is freed.
        owner.ifPresent(node -> node.set_pyobj(null));
        for (Tensor tensor : saved) {
            tensor.close();
        }
        result.ifPresent(Pointer::close);
    }

    /// An address without ownership.
    private static final class Address extends Pointer {
        Address(long value) {
            address = value;
        }
    }
}
