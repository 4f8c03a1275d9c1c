package dev.bowline.nn;

import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Node;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.TensorTensorHook;
import org.bytedeco.pytorch.global.torch;

/// Puts functions from [S] to [S] with a backward pass of their own into the autograd graph, so that they keep only the
/// tensors they name and not every intermediate.
///
/// libtorch's `Function` has no Java binding. A view of the input lends its graph node: the output's gradient is led to
/// it, and a hook on the output turns that gradient into the input's, which must have the same shape.
final class HandWrittenGradient {

    /// The backward pass, run without recording.
    @FunctionalInterface
    interface Backward {
        /// @param saved what was kept, in its order
        /// @param gradient dL/dy, never to be changed in place
        /// @return dL/dx
        Tensor of(Tensor[] saved, Tensor gradient);
    }

    /// libtorch holds a hook by address only, so it is kept here until it has run, and freed at a later call: a hook
    /// cannot free itself while it runs.
    private final Set<Hook> hooks = ConcurrentHashMap.newKeySet();

    /// Makes y depend on x with the gradient that `backward` computes.
    ///
    /// @param x an input that requires a gradient
    /// @param y of x's shape and dtype, computed from x without recording; changed in place to be part of the graph
    /// @param saved what the backward pass needs; kept alive until it has run
    Tensor attach(Tensor x, Tensor y, Backward backward, Tensor... saved) {
        hooks.removeIf(Hook::freeIfFinished);
        Node node = x.view_as(x).grad_fn();
        node.clear_input_metadata();
        torch.create_gradient_edge(y, node);
        Hook hook = new Hook(backward, saved);
        hooks.add(hook);
        y.register_hook(hook);
        return y;
    }

    /// The tensor itself, or a leaf with its values: something must lead the gradient here though all before is frozen.
    static Tensor requiring(Tensor x) {
        return x.requires_grad() ? x : x.detach().set_requires_grad(true);
    }

    private static final class Hook extends TensorTensorHook {

        /// The gradient that this thread's last hook gave, until the next one runs: by then the graph has taken it.
        /// Left to the scope around the backward pass, every function's gradient would live until that ends.
        private static final ThreadLocal<Optional<Tensor>> LAST_RESULT = ThreadLocal.withInitial(Optional::empty);

        private final Backward backward;
        private final Tensor[] saved;
        private volatile boolean finished;

        Hook(Backward backward, Tensor[] saved) {
            this.backward = backward;
            this.saved = new Tensor[saved.length];
            for (int i = 0; i < saved.length; i++) {
                this.saved[i] = saved[i].detach();
                this.saved[i].retainReference();
            }
            retainReference();
        }

        @Override
        public TensorBase call(TensorBase gradient) {
            LAST_RESULT.get().ifPresent(Tensor::close);
            LAST_RESULT.remove();
            Tensor result;
            try (NoGradGuard _ = new NoGradGuard();
                    TensorScope scope = TensorScope.open()) {
                // The graph takes a reference of its own when this returns.
                result = scope.escape(backward.of(saved, new Tensor(gradient)));
            }
            for (Tensor tensor : saved) {
                tensor.close();
            }
            gradient.close();
            LAST_RESULT.set(Optional.of(result));
            finished = true;
            return result;
        }

        private boolean freeIfFinished() {
            if (finished) {
                close();
            }
            return finished;
        }
    }
}
