package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RowTiles;
import dev.bowline.tensor.Shapes;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/// y = x / sqrt(mean(x^2) + epsilon) * w over the last dimension, computed in float32 and returned in x's dtype.
/// Families differ in the definition of w, and some round x to its dtype before the multiplication by w.
public final class RmsNorm extends Layer {

    /// The weight of the norm, if it has one.
    public enum Scale {
        /// Multiplies by w and rounds once (transformers: `Gemma4RMSNorm`).
        LEARNED,
        /// Rounds to x's dtype, then multiplies by w in that dtype (transformers: `LlamaRMSNorm` and most
        /// others). In float32 the result is that of [#LEARNED].
        LEARNED_AFTER_ROUNDING,
        /// Multiplies by 1 + w, with w around 0 (transformers: `Gemma2RMSNorm`, `Gemma3RMSNorm`).
        LEARNED_AROUND_ONE,
        /// Divides only; there is no weight.
        NONE
    }

    /// Half a mebibyte of float32 per tile.
    private static final long TILE_ELEMENTS = 1 << 17;

    private final Optional<Slot> stored;
    private final Scale scale;
    private final double epsilon;
    private Optional<Slot> weight;

    public RmsNorm(String path, long width, double epsilon, Scale scale) {
        super(path);
        this.scale = scale;
        this.epsilon = epsilon;
        stored = switch (scale) {
            case LEARNED, LEARNED_AFTER_ROUNDING, LEARNED_AROUND_ONE -> Optional.of(weight("weight", width));
            case NONE -> Optional.empty();
        };
        weight = stored;
    }

    public RmsNorm(String path, long width, double epsilon) {
        this(path, width, epsilon, Scale.LEARNED);
    }

    /// The slot of the stored weight, whichever weight the norm computes with.
    public Optional<Slot> weight() {
        return stored;
    }

    /// Computes with `other`, such as a trained copy, from now on. The stored weight stays in the model.
    ///
    /// @param other of the stored weight's shape
    public void useWeight(Slot other) {
        if (stored.isEmpty() || !other.get().hasShape(stored.get().shape())) {
            throw new IllegalArgumentException(
                    "'%s' has no weight of shape %s".formatted(path(), Shapes.text(other.shape())));
        }
        other.get().to(device());
        weight = Optional.of(other);
    }

    /// Computes with the stored weight from now on.
    public void useStoredWeight() {
        weight = stored;
    }

    @Override
    List<Slot> ownSlots() {
        return Stream.concat(stored.stream(), weight.stream()).distinct().toList();
    }

    /// @param x [..., D]
    /// @return [..., D], of x's dtype
    public Tensor forward(Tensor x) {
        return switch (kernels()) {
            case FUSED_CPU -> fused(x);
            case LIBTORCH -> plain(x);
        };
    }

    private Tensor fused(Tensor x) {
        boolean gradEnabled = GradMode.is_enabled();
        if (gradEnabled && !x.requires_grad() && trainedWeight().isPresent()) {
            // Without a graph of x there is nothing to attach a backward pass to.
            return plain(x);
        }
        Tensor y = Ops.newEmpty(x, Dtype.of(x.scalar_type()), Shapes.of(x));
        Tensor r;
        try (NoGradGuard _ = new NoGradGuard()) {
            Tensor rows = rows(x);
            Tensor results = rows(y);
            r = Ops.newEmpty(x, Dtype.FLOAT32, rows.size(0), 1);
            RowTiles.of(rows, TILE_ELEMENTS).forEach(tile -> norm(tile.of(rows), tile.of(r), tile.of(results)));
        }
        return gradEnabled && x.requires_grad() ? AutogradFunction.attach(x, y, this::backward, x, r) : y;
    }

    private Optional<Parameter> trainedWeight() {
        return weight.map(Slot::get).filter(Parameter::requiresGrad);
    }

    /// [N, D], a view if x is contiguous.
    private static Tensor rows(Tensor x) {
        return x.reshape(-1, x.size(-1));
    }

    /// @param x [n, D]
    /// @param r [n, 1] float32, which receives 1 / sqrt(mean(x^2) + epsilon)
    /// @param y [n, D], which receives the result
    private void norm(Tensor x, Tensor r, Tensor y) {
        Ops.rowNormsInto(r, x);
        r.square_().mul_(new Scalar(1.0 / x.size(1))).add_(new Scalar(epsilon)).rsqrt_();
        Tensor n = normed(x, r);
        switch (scale) {
            case NONE -> y.copy_(n);
            case LEARNED, LEARNED_AROUND_ONE -> y.copy_(n.mul_(factor(Dtype.FLOAT32)));
            case LEARNED_AFTER_ROUNDING -> y.copy_(n).mul_(factor(Dtype.of(y.scalar_type())));
        }
    }

    /// x r in float32, a new tensor.
    private static Tensor normed(Tensor x, Tensor r) {
        Tensor x32 = Ops.cast(x, Dtype.FLOAT32);
        return Ops.same(x32, x) ? x.mul(r) : x32.mul_(r);
    }

    /// The norm by operators of libtorch.
    private Tensor plain(Tensor x) {
        Tensor x32 = Ops.cast(x, Dtype.FLOAT32);
        return weighted(rounded(x32.mul(reciprocalRoot(x32)), x)).to(x.scalar_type());
    }

    /// The factor of the weight: n in float32, or rounded to x's dtype.
    private Tensor rounded(Tensor n, Tensor x) {
        return scale == Scale.LEARNED_AFTER_ROUNDING ? n.to(x.scalar_type()) : n;
    }

    /// 1 / sqrt(mean(x^2) + epsilon): [..., 1]
    private Tensor reciprocalRoot(Tensor x32) {
        return x32.mul(x32)
                .mean(new long[] {-1}, true, new ScalarTypeOptional())
                .add(new Scalar(epsilon))
                .rsqrt();
    }

    private Tensor weighted(Tensor normed) {
        return weight.isPresent() ? normed.mul(factor(Dtype.of(normed.scalar_type()))) : normed;
    }

    /// The factor of a normed row: `[D]`
    private Tensor factor(Dtype dtype) {
        Tensor w = Ops.cast(weight.orElseThrow().tensor(), dtype);
        return scale == Scale.LEARNED_AROUND_ONE ? w.add(new Scalar(1.0)) : w;
    }

    /// With n = x r, r as above, and u = dL/dy ⊙ w: dL/dw = Σ dL/dy ⊙ n and dL/dx = r (u - n mean(u ⊙ n)). If the
    /// forward pass multiplies in x's dtype, u and the terms of dL/dw are computed in that dtype too, as in
    /// transformers.
    private Tensor backward(Tensor[] saved, Tensor gradient) {
        Tensor x = rows(saved[0]);
        Tensor r = saved[1];
        Tensor dy = rows(gradient);
        Tensor dx = Ops.newEmpty(x, Dtype.of(x.scalar_type()), Shapes.of(x));
        RowTiles tiles = RowTiles.of(x, TILE_ELEMENTS);
        Optional<Parameter> trained = trainedWeight();
        // One sum per tile, added in order, so the result does not depend on the number of threads.
        Tensor sums = Ops.newEmpty(x, Dtype.FLOAT32, trained.isPresent() ? tiles.count() : 0, x.size(1));

        tiles.forEach(tile -> {
            Tensor n = normed(tile.of(x), tile.of(r));
            Tensor g = tile.of(dy);
            if (scale != Scale.LEARNED_AFTER_ROUNDING) {
                g = Ops.cast(g, Dtype.FLOAT32);
            }
            if (trained.isPresent()) {
                Ops.sumInto(sums.select(0, tile.index()), g.mul(rounded(n, x)));
            }
            Tensor u = Ops.cast(weighted(g), Dtype.FLOAT32);
            Tensor along = Ops.sumLast(u.mul(n));
            Tensor part = u.addcmul(n, along, new Scalar(-1.0 / x.size(1))).mul_(tile.of(r));
            tile.of(dx).copy_(part);
        });
        trained.ifPresent(parameter -> parameter.gradientBuffer().add_(sums.sum(0)));
        return dx.view_as(saved[0]);
    }
}
