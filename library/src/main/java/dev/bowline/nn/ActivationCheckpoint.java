package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Runs a part of a model and keeps its inputs only (PyTorch: `torch.utils.checkpoint`). The backward pass runs
/// the part again, propagates through the graph of that second run, and frees that graph.
///
/// Both runs have gradients enabled, so they use the same kernels as a run without a checkpoint: outputs and gradients
/// are the same bit for bit as long as the part is deterministic.
public final class ActivationCheckpoint {

    /// A part of a model: a function without side effects of its inputs and of parameters.
    @FunctionalInterface
    public interface Segment {

        /// Runs once in the forward pass and once more for each backward pass, in a scope of its own. It must not
        /// use tensors of an outer scope other than its inputs: that scope may be closed in the backward pass.
        ///
        /// @param inputs in the order given to [ActivationCheckpoint#run]
        /// @return tensors of the inputs' dtype
        List<Tensor> run(List<Tensor> inputs);
    }

    private final Segment segment;
    private final List<Boolean> requireGrad;

    private ActivationCheckpoint(Segment segment, List<Tensor> inputs) {
        this.segment = segment;
        requireGrad = inputs.stream().map(Tensor::requires_grad).toList();
    }

    /// @param inputs floating point tensors of one dtype
    /// @return the segment's results, owned by the caller's scope
    public static List<Tensor> run(Segment segment, List<Tensor> inputs) {
        if (!GradMode.is_enabled()) {
            return segment.run(inputs);
        }
        return new ActivationCheckpoint(segment, inputs).forward(inputs);
    }

    private List<Tensor> forward(List<Tensor> inputs) {
        try (TensorScope scope = TensorScope.open()) {
            List<Tensor> computed = segment.run(leaves(inputs));
            boolean requiresGrad = computed.stream().anyMatch(Tensor::requires_grad);
            List<Tensor> outputs = computed.stream().map(Tensor::detach).toList();
            if (requiresGrad) {
                connect(inputs, outputs);
            }
            outputs.forEach(scope::escape);
            return outputs;
        }
    }

    /// Detached copies of the handles.
    private List<Tensor> leaves(List<Tensor> inputs) {
        List<Tensor> leaves = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            leaves.add(inputs.get(i).detach().set_requires_grad(requireGrad.get(i)));
        }
        return leaves;
    }

    /// Puts one node between the inputs and the outputs. Its gradient is a vector: the gradients of all outputs, or of
    /// all inputs, one after the other.
    private void connect(List<Tensor> inputs, List<Tensor> outputs) {
        List<Tensor> differentiable = select(inputs);
        long length = Math.max(elements(differentiable), elements(outputs));
        // The node needs the shape of its output and not the values, so one element is repeated.
        Tensor vector = Ops.newZeros(
                        outputs.getFirst(), Dtype.of(outputs.getFirst().scalar_type()), 1)
                .expand(length);
        Tensor[] saved = inputs.toArray(Tensor[]::new);
        if (differentiable.isEmpty()) {
            AutogradFunction.attachSource(vector, this::backward, saved);
        } else {
            AutogradFunction.attach(padded(joined(differentiable), length), vector, this::backward, saved);
        }
        long from = 0;
        for (Tensor output : outputs) {
            Tensor part = vector.narrow(0, from, output.numel()).view(Shapes.of(output));
            AutogradFunction.share(part, output);
            from += output.numel();
        }
    }

    /// @param gradient of all outputs, then padding
    /// @return the gradients of the inputs that require one, then padding, of the same length
    private Tensor backward(Tensor[] saved, Tensor gradient) {
        List<Tensor> leaves = leaves(List.of(saved));
        try (AutoGradMode _ = new AutoGradMode(true)) {
            Tensor outputs = joined(segment.run(leaves));
            Ops.backward(outputs, gradient.narrow(0, 0, outputs.numel()));
        }
        List<Tensor> gradients = new ArrayList<>();
        for (Tensor leaf : select(leaves)) {
            Tensor found = new Tensor(leaf.grad());
            gradients.add(found.defined() ? found : torch.zeros_like(leaf));
        }
        return gradients.isEmpty() ? gradient : padded(joined(gradients), gradient.numel());
    }

    /// The inputs, or their copies, that require a gradient.
    private List<Tensor> select(List<Tensor> inputs) {
        List<Tensor> selected = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            if (requireGrad.get(i)) {
                selected.add(inputs.get(i));
            }
        }
        return selected;
    }

    private static Tensor joined(List<Tensor> tensors) {
        Tensor[] flat = tensors.stream().map(tensor -> tensor.reshape(-1)).toArray(Tensor[]::new);
        return flat.length == 1 ? flat[0] : Ops.cat(0, flat);
    }

    private static Tensor padded(Tensor vector, long length) {
        long missing = length - vector.numel();
        return missing == 0 ? vector : torch.constant_pad_nd(vector, new long[] {0, missing});
    }

    private static long elements(List<Tensor> tensors) {
        return tensors.stream().mapToLong(Tensor::numel).sum();
    }
}
