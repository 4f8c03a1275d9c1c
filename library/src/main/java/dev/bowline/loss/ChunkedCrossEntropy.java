package dev.bowline.loss;

import dev.bowline.nn.Head;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.WeightGradientSum;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Cross-entropy of the head's logits, computed one chunk of tokens at a time: the whole [tokens × vocabulary]
/// logits never exist, and positions without a target cost nothing. The softcap is included.
///
/// A chunk's logits are replaced by their own gradient, which is multiplied into the gradients of the hidden
/// states and of the head's parameter. If the head is tied, that parameter is the parameter of the input
/// embedding, and the backward pass of the lookup adds to the same gradient.
///
/// Shapes: N targets, C targets of a chunk, H hidden size, V vocabulary.
public final class ChunkedCrossEntropy implements CrossEntropy {

    /// With a vocabulary of 262,144 in float32, 512 tokens' logits take 512 MiB.
    public static final int DEFAULT_CHUNK_TOKENS = 512;

    private final int chunkTokens;

    /// @param chunkTokens target tokens whose logits are in memory at once
    public ChunkedCrossEntropy(int chunkTokens) {
        if (chunkTokens < 1) {
            throw new IllegalArgumentException("chunkTokens is " + chunkTokens);
        }
        this.chunkTokens = chunkTokens;
    }

    /// Target tokens whose logits are in memory at once.
    public int chunkTokens() {
        return chunkTokens;
    }

    @Override
    public long logitRows(long tokens) {
        return Math.min(chunkTokens, tokens);
    }

    /// The logits become their own gradient in place.
    @Override
    public long bytesPerLogit(Dtype dtype) {
        return dtype.bytes();
    }

    @Override
    public double backward(LossInput input, double weight) {
        Tensor hidden = input.hidden();
        Targets targets = input.targets();
        try (TensorScope _ = TensorScope.open()) {
            Tensor gradient;
            double loss;
            // The loss frees its own tensors before the backward pass of the model allocates.
            try (NoGradGuard _ = new NoGradGuard();
                    TensorScope scope = TensorScope.open()) {
                Tensor flat = hidden.detach().reshape(-1, hidden.size(-1));
                Tensor positions = Device.of(hidden).place(HostTensors.of(targets.positions(), targets.count()));
                Tensor rows = flat.index_select(0, positions);
                Tensor rowGradients = torch.empty_like(rows);
                loss = weight * gradients(rows, input.head(), targets, new Destination(rowGradients, weight));
                gradient = scope.escape(torch.zeros_like(flat)
                        .index_copy_(0, positions, rowGradients)
                        .view_as(hidden));
            }
            if (hidden.requires_grad()) {
                Ops.backward(hidden, gradient);
            }
            return loss;
        }
    }

    @Override
    public double sum(LossInput input) {
        Head head = input.head();
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Tensor rows = input.targetHidden();
            ChunkSoftmax softmax = new ChunkSoftmax(head.linear().kernels(), head.softcap());
            LinearOperator linear = head.linear().operator().prepared();
            return overChunks(
                    rows, linear, input.targets(), (chunk, _) -> softmax.loss(chunk.logits(), chunk.tokens()));
        }
    }

    /// The gradients of the hidden states, which the chunks fill.
    ///
    /// @param rows [N, H]
    private record Destination(Tensor rows, double weight) {}

    private double gradients(Tensor rows, Head head, Targets targets, Destination destination) {
        LinearOperator linear = head.linear().operator().prepared();
        ChunkSoftmax softmax = new ChunkSoftmax(head.linear().kernels(), head.softcap());
        WeightGradientSum weightGradient = linear.weightGradientSum(Math.ceilDiv(targets.count(), chunkTokens));
        // Plain kernels round the weighted gradient, as transformers does. Fused kernels apply the weight to the
        // products with the gradient, which saves a pass over the logits.
        KernelPolicy kernels = head.linear().kernels();
        double logitsFactor = kernels == KernelPolicy.LIBTORCH ? destination.weight() : 1;
        double productFactor = kernels == KernelPolicy.LIBTORCH ? 1 : destination.weight();
        double loss = overChunks(rows, linear, targets, (chunk, from) -> {
            double sum = softmax.lossAndGradient(chunk.logits(), chunk.tokens(), logitsFactor);
            Tensor dz = chunk.logits();
            linear.inputGradientInto(destination.rows().narrow(0, from, dz.size(0)), dz, productFactor);
            weightGradient.add(dz, chunk.h(), productFactor);
            return sum;
        });
        weightGradient.finish();
        return loss;
    }

    /// @param h [C, H]
    /// @param logits [C, V], before the softcap; may be overwritten
    /// @param tokens `[C]`
    private record Chunk(Tensor h, Tensor logits, Tensor tokens) {}

    @FunctionalInterface
    private interface ChunkLoss {
        double of(Chunk chunk, long from);
    }

    private double overChunks(Tensor rows, LinearOperator linear, Targets targets, ChunkLoss chunkLoss) {
        Tensor tokens = Device.of(rows).place(HostTensors.of(targets.tokens(), targets.count()));
        Tensor buffer =
                Ops.newEmpty(rows, Dtype.of(rows.scalar_type()), Math.min(chunkTokens, targets.count()), linear.out());
        double loss = 0;
        for (long from = 0; from < targets.count(); from += chunkTokens) {
            long size = Math.min(chunkTokens, targets.count() - from);
            try (TensorScope _ = TensorScope.open()) {
                Tensor h = rows.narrow(0, from, size);
                Tensor z = buffer.narrow(0, 0, size);
                linear.forwardInto(z, h);
                loss += chunkLoss.of(new Chunk(h, z, tokens.narrow(0, from, size)), from);
            }
        }
        return loss;
    }
}
