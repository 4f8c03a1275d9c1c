package dev.bowline.loss;

import dev.bowline.nn.Head;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Cross-entropy of the head's logits, computed some target tokens at a time: [tokens × vocabulary] logits never exist,
/// and positions without a target cost nothing. The softcap is part of it.
///
/// The gradient of the head goes straight into its parameter; tied, that is the input embedding's, to which the lookup
/// adds its own share.
///
/// Shapes: N targets, C targets of a chunk, H hidden size, V vocabulary.
public final class ChunkedCrossEntropy {

    /// Measured best or near it for vocabularies of 32k and 262k (docs/performance.md).
    public static final int DEFAULT_CHUNK_TOKENS = 512;

    private final int chunkTokens;

    /// @param chunkTokens target tokens whose logits are in memory at once
    public ChunkedCrossEntropy(int chunkTokens) {
        if (chunkTokens < 1) {
            throw new IllegalArgumentException("chunkTokens is " + chunkTokens);
        }
        this.chunkTokens = chunkTokens;
    }

    /// Adds the gradient of `weight` × Σ cross-entropy to every trained parameter.
    ///
    /// @param hidden [B, S, H] with its graph
    /// @param weight 1 / the targets of the whole step, so that micro-batches count by their targets
    /// @return `weight` × Σ cross-entropy
    public double backward(Tensor hidden, Head head, Targets targets, double weight) {
        if (targets.count() == 0) {
            return 0;
        }
        try (TensorScope _ = TensorScope.open()) {
            Tensor gradient;
            double loss;
            try (NoGradGuard _ = new NoGradGuard()) {
                Tensor flat = hidden.detach().reshape(-1, hidden.size(-1));
                Tensor positions = Memory.of(targets.positions(), targets.count());
                Tensor rows = flat.index_select(0, positions);
                Tensor rowGradients = torch.empty_like(rows);
                loss = weight * overChunks(rows, head, targets, new Gradients(rowGradients, weight));
                gradient = torch.zeros_like(flat)
                        .index_copy_(0, positions, rowGradients)
                        .view_as(hidden);
            }
            if (hidden.requires_grad()) {
                Ops.backward(hidden, gradient);
            }
            return loss;
        }
    }

    /// Σ cross-entropy, without gradients.
    public double sum(Tensor hidden, Head head, Targets targets) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Tensor positions = Memory.of(targets.positions(), targets.count());
            Tensor rows = hidden.detach().reshape(-1, hidden.size(-1)).index_select(0, positions);
            return overChunks(rows, head, targets, new Nothing());
        }
    }

    /// What to do with a chunk's logits beside its loss.
    private sealed interface Purpose {}

    private record Gradients(Tensor rows, double weight) implements Purpose {}

    private record Nothing() implements Purpose {}

    private double overChunks(Tensor rows, Head head, Targets targets, Purpose purpose) {
        Tensor tokens = Memory.of(targets.tokens(), targets.count(), 1);
        double loss = 0;
        for (long from = 0; from < targets.count(); from += chunkTokens) {
            long size = Math.min(chunkTokens, targets.count() - from);
            try (TensorScope _ = TensorScope.open()) {
                Tensor h = rows.narrow(0, from, size);
                loss += chunk(h, head, tokens.narrow(0, from, size), from, purpose);
            }
        }
        return loss;
    }

    private double chunk(Tensor h, Head head, Tensor tokens, long from, Purpose purpose) {
        Tensor w = head.weight().tensor().detach();

        // z = h W^T, or with a cap c: t = tanh(h W^T / c), z = c t
        Optional<Tensor> t = Optional.empty();
        Tensor z;
        if (head.softcap().isPresent()) {
            Scalar cap = new Scalar(head.softcap().getAsDouble());
            t = Optional.of(torch.mm(h, w.t()).div_(cap).tanh_());
            z = t.get().mul(cap);
        } else {
            z = torch.mm(h, w.t());
        }

        // L = −Σ log p_y, in float32
        Tensor logP = torch.log_softmax(z, -1, new ScalarTypeOptional(Dtype.FLOAT32.scalarType()));
        double loss = -logP.gather(1, tokens).sum().item_double();
        if (purpose instanceof Gradients(Tensor rowGradients, double weight)) {
            Tensor dz = logitGradient(logP, tokens, weight, Dtype.of(h.scalar_type()));
            if (t.isPresent()) {
                dz = torch.tanh_backward(dz, t.get());
            }
            rowGradients.narrow(0, from, h.size(0)).copy_(torch.mm(dz, w));
            Parameter parameter = head.weight().get();
            if (parameter.isTrained()) {
                parameter.gradientBuffer().addmm_(dz.t(), h);
            }
        }
        return loss;
    }

    /// dL/dz = weight (p − onehot(y)), in the model's dtype. Overwrites `logP`.
    private static Tensor logitGradient(Tensor logP, Tensor tokens, double weight, Dtype dtype) {
        Tensor p = logP.exp_().mul_(new Scalar(weight));
        Tensor minus = Ops.full(Dtype.FLOAT32, -weight, tokens.size(0), 1);
        return Ops.cast(p.scatter_add_(1, tokens, minus), dtype);
    }
}
