package dev.bowline.nn;

import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.VoidTensorHook;

/// A table looked up by token id.
///
/// The gradient is added to the rows that were looked up and to no other memory: a dense [vocabulary, D] gradient per
/// lookup would double the largest tensor of the model. The row of the padding id gets none, as in PyTorch.
public final class Embedding extends Layer {

    private final Slot weight;
    private final OptionalLong paddingId;

    /// libtorch holds a hook by address only, so it is kept here until it has run, and freed at the next lookup: a
    /// hook cannot free itself while it runs.
    private final Set<RowGradient> hooks = ConcurrentHashMap.newKeySet();

    public Embedding(String path, long vocabulary, long width, OptionalLong paddingId) {
        super(path);
        weight = weight("weight", vocabulary, width);
        this.paddingId = paddingId;
    }

    public Slot weight() {
        return weight;
    }

    public OptionalLong paddingId() {
        return paddingId;
    }

    /// @param ids [...] int64
    /// @return [..., D]
    public Tensor forward(Tensor ids) {
        long[] shape = Shapes.of(ids);
        long[] outShape = Arrays.copyOf(shape, shape.length + 1);
        outShape[shape.length] = weight.shape()[1];
        Tensor flat = ids.reshape(-1);
        Tensor rows = weight.tensor().detach().index_select(0, flat).view(outShape);
        Parameter parameter = weight.get();
        if (parameter.isTrained() && GradMode.is_enabled()) {
            rows.set_requires_grad(true);
            RowGradient hook = new RowGradient(parameter, new Tensor(flat));
            freeFinishedHooks();
            hooks.add(hook);
            rows.register_hook(hook);
        }
        return rows;
    }

    private void freeFinishedHooks() {
        hooks.removeIf(hook -> {
            if (hook.finished) {
                hook.close();
            }
            return hook.finished;
        });
    }

    /// Adds dL/drows to the table's gradient when the backward pass reaches the lookup.
    private final class RowGradient extends VoidTensorHook {

        private final Parameter parameter;
        private final Tensor ids;
        private volatile boolean finished;

        RowGradient(Parameter parameter, Tensor ids) {
            this.parameter = parameter;
            this.ids = ids;
            ids.retainReference();
            retainReference();
        }

        @Override
        public void call(TensorBase gradient) {
            try (var _ = new NoGradGuard();
                    var _ = TensorScope.open()) {
                Tensor rows = new Tensor(gradient).reshape(-1, weight.shape()[1]);
                if (paddingId.isPresent()) {
                    Tensor padding = ids.eq(new Scalar(paddingId.getAsLong())).unsqueeze(1);
                    rows = rows.masked_fill(padding, new Scalar(0.0));
                }
                parameter.gradientBuffer().index_add_(0, ids, rows);
            }
            ids.close();
            gradient.close();
            finished = true;
        }
    }
}
