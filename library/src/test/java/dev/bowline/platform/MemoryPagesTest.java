package dev.bowline.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/// Pages can be asked for before they are written, whatever memory it is and whatever it holds.
class MemoryPagesTest {

    @Test
    void newMemoryIsThereBeforeItIsTouched() {
        assumeTrue(ProcessMemory.resident().isPresent(), "only Linux has such pages and says how many there are");
        int mebibytes = 256;
        try (Tensor values = Ops.empty(Device.CPU, Dtype.UINT8, (long) mebibytes << 20)) {
            long before = ProcessMemory.resident().orElseThrow();

            MemoryPages.populate(HostTensors.bytes(values));

            long grown = ProcessMemory.resident().orElseThrow() - before;
            assertTrue(grown > (mebibytes - 56L) << 20, "grew by " + grown);
        }
    }

    @Test
    void whatTheMemoryHoldsStays() {
        try (Arena arena = Arena.ofConfined()) {
            byte[] values = new byte[5 * 4096 + 7];
            for (int i = 0; i < values.length; i++) {
                values[i] = (byte) (i * 31 + 1);
            }
            MemorySegment memory = arena.allocate(values.length + 1).asSlice(1);
            memory.copyFrom(MemorySegment.ofArray(values));

            MemoryPages.populate(memory);
            MemoryPages.populate(memory.asSlice(0, 3));
            MemoryPages.populate(memory.asSlice(0, 0));

            assertEquals(-1, memory.mismatch(MemorySegment.ofArray(values)));
        }
    }
}
