package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.model.LanguageModel;
import dev.bowline.platform.ProcessMemory;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.junit.jupiter.api.Test;

/// A backward pass written in Java is part of the graph: gradients go through it, and the graph owns the tensors
/// that it saved. They are freed with the graph, whether or not a backward pass runs to its end.
class AutogradFunctionTest {

    private static final int FUNCTIONS = 40;
    private static final int TOKENS = 16;

    /// More than libtorch runs on one thread.
    private static final int NESTED_PASSES = 80;

    /// y = 3 x, with the handles that are alive when its backward pass runs.
    private Tensor tripled(Tensor x, List<Long> handles) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor y;
            try (NoGradGuard _ = new NoGradGuard()) {
                y = x.mul(new Scalar(3.0));
            }
            return scope.escape(AutogradFunction.attach(
                    x,
                    y,
                    (saved, dy) -> {
                        handles.add(Pointer.totalCount());
                        return dy.mul(saved[0]);
                    },
                    HostTensors.of(new float[] {3}, 1)));
        }
    }

    @Test
    void gradientsGoThroughEveryFunction() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = HostTensors.of(new float[] {1, -2}, 2);
            x.set_requires_grad(true);

            Ops.backward(
                    tripled(tripled(x, new ArrayList<>()), new ArrayList<>()), HostTensors.of(new float[] {1, 10}, 2));

            assertTrue(x.grad().equal(HostTensors.of(new float[] {9, 90}, 2)));
        }
    }

    @Test
    void theGradientsOfFunctionsThatAreThroughDoNotStay() {
        List<Long> handles = new ArrayList<>();
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = Ops.zeros(Device.CPU, Dtype.FLOAT32, 4);
            x.set_requires_grad(true);
            Tensor y = x;
            for (int i = 0; i < FUNCTIONS; i++) {
                y = tripled(y, handles);
            }

            Ops.backward(y, Ops.full(Device.CPU, Dtype.FLOAT32, 1, 4));
        }

        assertEquals(FUNCTIONS, handles.size());
        // Each function lets go of the one tensor it kept, and has added none.
        assertTrue(handles.getFirst() - handles.getLast() >= FUNCTIONS - 1, handles::toString);
    }

    private static Tensor trained(double value) {
        return Ops.full(Device.CPU, Dtype.FLOAT32, value, 4).set_requires_grad(true);
    }

    /// y = x, with a backward pass of its own.
    private static Tensor identity(Tensor x, AutogradFunction.Backward backward) {
        return AutogradFunction.attach(x, x.detach().clone(), backward, Ops.full(Device.CPU, Dtype.FLOAT32, 2, 4));
    }

    private static void requireNothingStays(Runnable work) {
        try (TensorScope _ = TensorScope.open()) {
            identity(trained(1), (_, dy) -> dy);
        }
        long handles = Pointer.totalCount();

        work.run();

        // The collector may free handles of earlier tests in the meantime.
        long after = Pointer.totalCount();
        assertTrue(after <= handles, () -> handles + " handles became " + after);
    }

    @Test
    void aGraphWithoutABackwardPassFreesItsSavedTensors() {
        requireNothingStays(() -> {
            try (TensorScope _ = TensorScope.open()) {
                Tensor y = trained(1);
                for (int i = 0; i < FUNCTIONS; i++) {
                    y = identity(y, (_, dy) -> dy);
                }
                assertEquals(FUNCTIONS * 4 * Float.BYTES, SavedBytes.of(y));
            }
        });
    }

    @Test
    void aGraphOutlivesTheScopeOfItsForwardPass() {
        requireNothingStays(() -> {
            try (TensorScope _ = TensorScope.open()) {
                Tensor x = trained(1);
                Tensor y;
                try (TensorScope layer = TensorScope.open()) {
                    y = layer.escape(identity(identity(x, (saved, dy) -> dy.mul(saved[0])), (_, dy) -> dy));
                }

                Ops.backward(y, Ops.full(Device.CPU, Dtype.FLOAT32, 3, 4));

                assertTrue(x.grad().equal(Ops.full(Device.CPU, Dtype.FLOAT32, 6, 4)));
            }
        });
    }

    @Test
    void aBackwardPassThatThrowsFreesTheSavedTensorsOfEveryFunction() {
        requireNothingStays(() -> {
            try (TensorScope _ = TensorScope.open()) {
                Tensor y = identity(trained(1), (_, dy) -> dy);
                Tensor failing = identity(y, (_, _) -> {
                    throw new IllegalStateException("no gradient today");
                });
                Tensor gradient = Ops.full(Device.CPU, Dtype.FLOAT32, 1, 4);

                RuntimeException e = assertThrows(RuntimeException.class, () -> Ops.backward(failing, gradient));

                assertTrue(e.toString().contains("no gradient today"), e.toString());
                Tensor x = trained(1);
                Ops.backward(identity(x, (saved, dy) -> dy.mul(saved[0])), gradient);
                assertTrue(x.grad().equal(Ops.full(Device.CPU, Dtype.FLOAT32, 2, 4)));
            }
        });
    }

    @Test
    void aSecondBackwardPassIsRefused() {
        requireNothingStays(() -> {
            try (TensorScope _ = TensorScope.open()) {
                Tensor y = identity(trained(1), (_, dy) -> dy);
                Tensor gradient = Ops.full(Device.CPU, Dtype.FLOAT32, 1, 4);
                Ops.backward(y, gradient);

                RuntimeException e = assertThrows(RuntimeException.class, () -> Ops.backward(y, gradient));

                assertTrue(e.toString().contains("saved for this backward pass are freed"), e.toString());
            }
        });
    }

    @Test
    void aRetainedGraphRunsAgain() {
        requireNothingStays(() -> {
            try (TensorScope _ = TensorScope.open()) {
                Tensor x = trained(1);
                Tensor y = identity(x, (saved, dy) -> dy.mul(saved[0]));

                for (int i = 0; i < 3; i++) {
                    y.backward(
                            Ops.full(Device.CPU, Dtype.FLOAT32, 1, 4),
                            new BoolOptional(true),
                            false,
                            new TensorArrayRefOptional());
                }

                assertTrue(x.grad().equal(Ops.full(Device.CPU, Dtype.FLOAT32, 6, 4)));
            }
        });
    }

    @Test
    void aBackwardPassMayRunAnotherInside() {
        requireNothingStays(() -> {
            try (TensorScope _ = TensorScope.open()) {
                Tensor x = trained(1);
                Tensor y = identity(identity(x, (saved, dy) -> dy.mul(saved[0])), (saved, dy) -> {
                    Tensor inner = trained(1);
                    try (AutoGradMode _ = new AutoGradMode(true)) {
                        Ops.backward(identity(inner, (twos, d) -> d.mul(twos[0]).mul(saved[0])), dy);
                    }
                    return new Tensor(inner.grad());
                });

                Ops.backward(y, Ops.full(Device.CPU, Dtype.FLOAT32, 1, 4));

                assertTrue(x.grad().equal(Ops.full(Device.CPU, Dtype.FLOAT32, 8, 4)));
            }
        });
    }

    /// libtorch moves a backward pass inside many others to a thread of its own, which the JVM does not know.
    @Test
    void aThreadOfLibtorchRunsABackwardPassAndFreesItsSavedTensors() {
        Set<Thread> threads = new HashSet<>();
        requireNothingStays(() -> {
            try (TensorScope _ = TensorScope.open()) {
                Tensor x = nested(NESTED_PASSES, threads);

                assertTrue(x.grad().equal(Ops.full(Device.CPU, Dtype.FLOAT32, 1, 4)));
            }
        });
        assertTrue(threads.size() > 1, threads::toString);
    }

    /// A leaf after a backward pass through a function that runs such a pass itself.
    private static Tensor nested(int passes, Set<Thread> threads) {
        Tensor x = trained(1);
        Tensor y = identity(x, (_, dy) -> {
            threads.add(Thread.currentThread());
            if (passes == 0) {
                return dy;
            }
            try (AutoGradMode _ = new AutoGradMode(true)) {
                return new Tensor(nested(passes - 1, threads).grad());
            }
        });
        Ops.backward(y, Ops.full(Device.CPU, Dtype.FLOAT32, 1, 4));
        return x;
    }

    @Test
    void aGraphMayBeUsedAndFreedOnOtherThreads() {
        requireNothingStays(() -> {
            try (TensorScope _ = TensorScope.open()) {
                Tensor x = trained(1);
                Tensor used = identity(x, (saved, dy) -> dy.mul(saved[0]));
                Tensor dropped = identity(x, (_, dy) -> dy);

                onAnotherThread(() -> {
                    try (TensorScope _ = TensorScope.open()) {
                        Ops.backward(used, Ops.full(Device.CPU, Dtype.FLOAT32, 3, 4));
                    }
                });
                onAnotherThread(() -> {
                    used.close();
                    dropped.close();
                });

                assertTrue(x.grad().equal(Ops.full(Device.CPU, Dtype.FLOAT32, 6, 4)));
            }
        });
    }

    private static void onAnotherThread(Runnable work) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Thread.ofPlatform().start(() -> {
            try {
                work.run();
                done.complete(null);
            } catch (Throwable e) {
                done.completeExceptionally(e);
            }
        });
        done.join();
    }

    @Test
    void aThousandPassesWithAndWithoutABackwardPassLeaveNothing() {
        requireNothingStays(() -> {
            for (int i = 0; i < 1_000; i++) {
                try (TensorScope _ = TensorScope.open()) {
                    Tensor y = identity(identity(trained(1), (saved, dy) -> dy.mul(saved[0])), (_, dy) -> dy);
                    if (i % 2 == 0) {
                        Ops.backward(y, Ops.full(Device.CPU, Dtype.FLOAT32, 1, 4));
                    }
                }
            }
        });
    }

    @Test
    void forwardPassesWithoutABackwardPassLeaveNoMemory() {
        Path demo = Path.of("..", "cli", "src", "main", "resources", "demo", "model");
        try (Pretrained pretrained = AutoModel.fromPretrained(demo)) {
            LanguageModel model = pretrained.model();
            Sequences sequences = Sequences.causal(1, TOKENS);
            forward(model, sequences, 10);
            long handles = Pointer.totalCount();
            long resident = ProcessMemory.resident().orElseThrow();

            forward(model, sequences, 200);

            // Handles that other tests left behind may have been collected in the meantime.
            long created = Pointer.totalCount() - handles;
            assertTrue(created <= 0, () -> created + " handles are left");
            long grown = ProcessMemory.resident().orElseThrow() - resident;
            assertTrue(grown < 64 << 20, () -> "resident memory grew by " + grown + " bytes");
        }
    }

    private static void forward(LanguageModel model, Sequences sequences, int times) {
        for (int i = 0; i < times; i++) {
            try (TensorScope _ = TensorScope.open()) {
                Tensor logits = model.logits(HostTensors.of(new long[TOKENS], 1, TOKENS), sequences);
                assertTrue(logits.requires_grad());
            }
        }
    }
}
