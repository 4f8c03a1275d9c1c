package dev.bowline.adapter;

import dev.bowline.nn.DoraLinear;
import dev.bowline.nn.Dropout;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.LowRankPair;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The trained lengths of DoRA for one linear, and the lengths of the base's rows, which are computed once.
final class Magnitude {

    private final Linear linear;
    private final LinearOperator base;
    private final Slot slot;
    private final Parameter squaredNorms;

    /// @param base the operator of the linear without an adapter
    Magnitude(String module, Linear linear, LinearOperator base) {
        this.linear = linear;
        this.base = base;
        long out = base.out();
        slot = new Slot(module + ".lora_magnitude_vector", SlotRole.ADAPTER, out);
        squaredNorms = new Parameter(SlotRole.BUFFER, out);
    }

    Slot slot() {
        return slot;
    }

    /// The lengths of W's rows, with which a new adapter changes nothing.
    void initialize() {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            slot.get().materialize(squaredNorms().sqrt());
        }
    }

    DoraLinear operator(LowRankPair pair, Optional<Dropout> dropout) {
        return new DoraLinear(
                base, linear.bias(), new DoraLinear.Trained(pair, slot), this::squaredNorms, dropout, linear::kernels);
    }

    /// Those of the base, which may get its values after the adapter. Threads may compute at once.
    private synchronized Tensor squaredNorms() {
        if (!squaredNorms.isMaterialized()) {
            try (NoGradGuard _ = new NoGradGuard();
                    TensorScope _ = TensorScope.open()) {
                squaredNorms.materialize(base.squaredRowNorms());
            }
        }
        return squaredNorms.value();
    }

    void close() {
        squaredNorms.close();
    }
}
