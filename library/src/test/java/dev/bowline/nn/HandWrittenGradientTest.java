package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/// A backward pass written by hand is part of the graph: gradients go through it, and what it kept goes with it.
class HandWrittenGradientTest {

    private static final int FUNCTIONS = 40;

    private final HandWrittenGradient gradient = new HandWrittenGradient();

    /// y = 3 x, with the handles that are alive when its backward pass runs.
    private Tensor tripled(Tensor x, List<Long> handles) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor y;
            try (NoGradGuard _ = new NoGradGuard()) {
                y = x.mul(new Scalar(3.0));
            }
            return scope.escape(gradient.attach(
                    x,
                    y,
                    (saved, dy) -> {
                        handles.add(Pointer.totalCount());
                        return dy.mul(saved[0]);
                    },
                    Memory.of(new float[] {3}, 1)));
        }
    }

    @Test
    void gradientsGoThroughEveryFunction() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = Memory.of(new float[] {1, -2}, 2);
            x.set_requires_grad(true);

            Ops.backward(tripled(tripled(x, new ArrayList<>()), new ArrayList<>()), Memory.of(new float[] {1, 10}, 2));

            assertTrue(x.grad().equal(Memory.of(new float[] {9, 90}, 2)));
        }
    }

    @Test
    void theGradientsOfFunctionsThatAreThroughDoNotStay() {
        List<Long> handles = new ArrayList<>();
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = Ops.zeros(Dtype.FLOAT32, 4);
            x.set_requires_grad(true);
            Tensor y = x;
            for (int i = 0; i < FUNCTIONS; i++) {
                y = tripled(y, handles);
            }

            Ops.backward(y, Ops.full(Dtype.FLOAT32, 1, 4));
        }

        assertEquals(FUNCTIONS, handles.size());
        // Each function lets go of the one tensor it kept, and has added none.
        assertEquals(FUNCTIONS - 1, handles.getFirst() - handles.getLast(), handles::toString);
    }
}
