package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.tensor.CudaSupport;
import dev.bowline.tensor.Device;
import org.junit.jupiter.api.Test;

/// The root of a model tree decides which kernels every layer runs.
class KernelPolicyTest {

    private static final class Root extends Layer {

        private final Linear inside = child(new Linear("inside", 2, 3));

        Root() {
            super("");
        }

        Linear swap() {
            return replaceChild(inside, new Linear("inside", 2, 3));
        }
    }

    private final Root root = new Root();

    @Test
    void theDeviceDecidesUntilKernelsAreChosen() {
        assertEquals(KernelPolicy.FUSED_CPU, KernelPolicy.of(Device.CPU));
        assertEquals(KernelPolicy.LIBTORCH, KernelPolicy.of(Device.cuda(0)));
        assertEquals(KernelPolicy.FUSED_CPU, root.inside.kernels());

        root.useKernels(KernelPolicy.LIBTORCH);

        assertEquals(KernelPolicy.LIBTORCH, root.inside.kernels());
    }

    @Test
    void aReplacedLayerAsksTheSameRoot() {
        root.useKernels(KernelPolicy.LIBTORCH);

        assertEquals(KernelPolicy.LIBTORCH, root.swap().kernels());
        assertEquals(KernelPolicy.FUSED_CPU, root.inside.kernels());
    }

    @Test
    void onlyTheRootIsMovedOrGivenKernels() {
        assertThrows(IllegalStateException.class, () -> root.inside.useKernels(KernelPolicy.LIBTORCH));
        assertThrows(IllegalStateException.class, () -> root.inside.to(Device.CPU));
    }

    @Test
    void aMoveToAGpuThatDoesNotExistLeavesTheModelOnTheCpu() {
        int beyond = CudaSupport.ofThisProcess().visible();

        assertThrows(BowlineException.class, () -> root.to(Device.cuda(beyond)));

        assertEquals(Device.CPU, root.inside.device());
    }

    @Test
    void fusedKernelsAreRefusedElsewhereThanOnTheCpu() {
        root.useKernels(KernelPolicy.FUSED_CPU);

        String message = String.valueOf(assertThrows(BowlineException.class, () -> root.to(new Device("meta", 0)))
                .getMessage());

        assertTrue(message.contains("FUSED_CPU runs on the CPU only, and the device is meta:0"), message);
    }
}
