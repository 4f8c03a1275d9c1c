package dev.bowline.optim;

import dev.bowline.BowlineException;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RowTiles;
import dev.bowline.tensor.TensorScope;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.BiConsumer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/// The gradients of a model's trainable parameters, each distinct parameter once: a tied weight has one gradient.
public final class Gradients implements StepGradients {

    /// Elements whose norm is computed together.
    public static final long NORM_ELEMENTS = 1 << 17;

    /// The addend of PyTorch's `clip_grad_norm_` that prevents a division by zero.
    private static final double CLIP_EPSILON = 1e-6;

    private final SequencedMap<String, Parameter> trainable;

    /// @param trainable by canonical name
    /// @throws BowlineException if two names reach one tensor
    public Gradients(Map<String, Parameter> trainable) {
        requireDistinct(trainable);
        this.trainable = new LinkedHashMap<>(trainable);
    }

    static void requireDistinct(Map<String, Parameter> trainable) {
        Map<Long, String> seen = new HashMap<>();
        trainable.forEach((name, parameter) -> {
            String other = seen.put(parameter.tensorAddress(), name);
            if (other != null) {
                throw new BowlineException(
                        "'%s' and '%s' are one tensor, which would be trained twice".formatted(other, name),
                        "pass each distinct parameter once, by its canonical name");
            }
        });
    }

    /// The parameters by canonical name, in an order that only the model decides. A parameter may have no gradient.
    public SequencedMap<String, Parameter> parameters() {
        return Collections.unmodifiableSequencedMap(trainable);
    }

    @Override
    public List<String> missing() {
        try (TensorScope _ = TensorScope.open()) {
            return trainable.entrySet().stream()
                    .filter(entry -> entry.getValue().gradient().isEmpty())
                    .map(Map.Entry::getKey)
                    .toList();
        }
    }

    /// Calls `action` with the name and the gradient of every parameter that has one, in an order that only the
    /// model decides. The action may change the gradient in place.
    public void forEach(BiConsumer<String, Tensor> action) {
        try (NoGradGuard _ = new NoGradGuard()) {
            trainable.forEach((name, parameter) -> {
                try (TensorScope _ = TensorScope.open()) {
                    parameter.gradient().ifPresent(gradient -> action.accept(name, gradient));
                }
            });
        }
    }

    @Override
    public double norm() {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            TensorVector norms = new TensorVector();
            for (Parameter parameter : trainable.values()) {
                parameter.gradient().ifPresent(gradient -> norms.push_back(norm(gradient)));
            }
            return norms.empty() ? 0 : Ops.norm(Ops.stack(norms)).item_double();
        }
    }

    /// The CPU computes the norm in tiles, because libtorch would first convert a whole bfloat16 gradient to
    /// float32.
    private static Tensor norm(Tensor gradient) {
        return Device.of(gradient).isCpu() ? normOfTiles(gradient) : Ops.norm(gradient);
    }

    private static Tensor normOfTiles(Tensor gradient) {
        return Ops.norm(tileNorms(gradient, gradient.numel()));
    }

    /// The norm of each [#NORM_ELEMENTS] elements of a gradient, or of a part of one that begins at a multiple of this
    /// number and ends at one or with the gradient.
    ///
    /// @param whole elements of the whole gradient
    /// @return float32, [tiles, 1], owned by the caller's scope
    public static Tensor tileNorms(Tensor gradient, long whole) {
        Tensor flat = gradient.reshape(-1, 1);
        RowTiles tiles = RowTiles.of(flat, NORM_ELEMENTS);
        Tensor norms = Ops.empty(Device.CPU, Dtype.FLOAT32, tiles.count(), 1);
        tiles.forEachOf(
                Math.toIntExact(Math.ceilDiv(whole, NORM_ELEMENTS)),
                tile -> Ops.rowNormsInto(
                        norms.narrow(0, tile.index(), 1), tile.of(flat).view(1, -1)));
        return norms;
    }

    /// The factor of `clip_grad_norm_`, in the caller's scope.
    ///
    /// @param norm greater than `maxNorm`
    public static Scalar clipFactor(double norm, double maxNorm) {
        return new Scalar(maxNorm / (norm + CLIP_EPSILON));
    }

    @Override
    public void clip(double norm, double maxNorm) {
        if (!(norm > maxNorm)) {
            return;
        }
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Scalar factor = clipFactor(norm, maxNorm);
            trainable.values().forEach(parameter -> parameter.gradient().ifPresent(g -> g.mul_(factor)));
        }
    }

    @Override
    public void clear() {
        trainable.values().forEach(Parameter::clearGradient);
    }
}
