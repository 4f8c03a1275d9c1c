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

/// The trained lengths of DoRA for one linear, and the lengths of the base's rows, which are computed once.
final class Magnitude {

    private final Linear linear;
    private final Slot slot;
    private final Parameter squaredNorms;

    Magnitude(String module, Linear linear) {
        this.linear = linear;
        long out = linear.operator().out();
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
            slot.get().materialize(squaredNorms(linear.operator()).value().sqrt());
        }
    }

    DoraLinear operator(LinearOperator base, LowRankPair pair, Optional<Dropout> dropout) {
        return new DoraLinear(
                base,
                linear.bias(),
                new DoraLinear.Trained(pair, slot),
                squaredNorms(base).value(),
                dropout,
                linear::kernels);
    }

    private Parameter squaredNorms(LinearOperator base) {
        if (!squaredNorms.isMaterialized()) {
            try (NoGradGuard _ = new NoGradGuard();
                    TensorScope _ = TensorScope.open()) {
                squaredNorms.materialize(base.squaredRowNorms());
            }
        }
        return squaredNorms;
    }

    void close() {
        squaredNorms.close();
    }
}
