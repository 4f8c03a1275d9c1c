package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.Edge;
import org.bytedeco.pytorch.Node;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptionalList;
import org.bytedeco.pytorch.TensorTensorHook;
import org.bytedeco.pytorch.global.torch;

/// Functions from `[S]` to `[S]` whose backward pass is written in Java (PyTorch: `torch.autograd.Function`).
/// The graph keeps the saved tensors only, not every intermediate.
///
/// libtorch's `Function` has no Java binding. The node of `index_put` with `accumulate` stands in for one:
/// its derivative is the gradient itself, and it saves its index. A hook on the output turns the output's
/// gradient into the input's, which must have the same shape. The index is an empty tensor that
/// [SavedTensors] observes, so the saved tensors are freed when libtorch frees what the node saved: after the
/// node's backward pass unless the graph is retained, or with the graph when no backward pass runs, or when
/// one fails.
final class AutogradFunction {

    /// The backward pass. It runs with gradients disabled.
    @FunctionalInterface
    interface Backward {
        /// @param saved the saved tensors, in their order
        /// @param gradient dL/dy; the function must not change it in place
        /// @return dL/dx
        Tensor of(Tensor[] saved, Tensor gradient);
    }

    /// One hook serves every function: it asks libtorch which node it runs for, and so holds no state.
    private static final TensorTensorHook HOOK = hook();

    private AutogradFunction() {}

    private static TensorTensorHook hook() {
        TensorTensorHook hook = new TensorTensorHook() {
            @Override
            public TensorBase call(TensorBase gradient) {
                try (Node node = torch.get_current_node()) {
                    return SavedTensors.of(node).backward(gradient);
                }
            }
        };
        hook.retainReference();
        return hook;
    }

    /// Makes y depend on x with the gradient that `backward` computes.
    ///
    /// @param x an input that requires a gradient
    /// @param y of x's shape and dtype, computed from x with gradients disabled; changed in place to be part
    ///     of the graph
    /// @param saved the tensors that the backward pass needs; the graph takes ownership of them
    static Tensor attach(Tensor x, Tensor y, Backward backward, Tensor... saved) {
        try (TensorScope _ = TensorScope.open()) {
            attach(x.view_as(x).grad_fn().next_edge(0), y, backward, saved);
        }
        return y;
    }

    /// Makes y a function of values that get their gradients from `backward` alone, such as those of a parameter.
    ///
    /// @param y computed with gradients disabled; changed in place to be part of the graph
    /// @param backward its result is not used
    static Tensor attachSource(Tensor y, Backward backward, Tensor... saved) {
        try (TensorScope _ = TensorScope.open()) {
            attach(new Edge(), y, backward, saved);
        }
        return y;
    }

    private static void attach(Edge input, Tensor y, Backward backward, Tensor... saved) {
        SavedTensors kept = new SavedTensors(backward, saved);
        Tensor observer = kept.observer();
        Tensor self = Ops.zeros(Device.CPU, Dtype.FLOAT32, 1).set_requires_grad(true);
        TensorOptionalList index = new TensorOptionalList();
        index.push_back(new TensorOptional(observer));
        Node node = torch.index_put(self, index, Ops.zeros(Device.CPU, Dtype.FLOAT32, 0), true)
                .grad_fn();
        node.set_next_edge(0, input);
        node.clear_input_metadata();
        torch.create_gradient_edge(y, node);
        kept.belongTo(node);
        y.register_hook(HOOK);
    }

    /// Makes y a result of the operation that computed `other`.
    ///
    /// @param other of y's shape and dtype, with any values
    /// @param y computed with gradients disabled; changed in place to be part of the graph
    static void share(Tensor other, Tensor y) {
        try (TensorScope _ = TensorScope.open()) {
            Node node = other.grad_fn();
            node.clear_input_metadata();
            torch.create_gradient_edge(y, node);
        }
    }

    /// Returns the tensor itself if it requires a gradient, else a leaf with the same values that requires one: a
    /// function needs such an input even if everything before it is frozen.
    static Tensor requiring(Tensor x) {
        return x.requires_grad() ? x : x.detach().set_requires_grad(true);
    }
}
