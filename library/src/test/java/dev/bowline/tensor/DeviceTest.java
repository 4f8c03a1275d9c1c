package dev.bowline.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A device that does not exist is refused with the reason, and `auto` never fails.
class DeviceTest {

    private static final CudaSupport CPU_NATIVES = new CudaSupport.CpuNatives("linux-x86_64");

    @ParameterizedTest
    @CsvSource({"cpu,cpu", "cuda,cuda:0", "cuda:0,cuda:0", "cuda:1,cuda:1", "auto,cuda:0"})
    void aSpellingSelectsADeviceWhereTwoGpusAreVisible(String spelling, String selected) {
        assertEquals(
                selected,
                DeviceChoice.parse(spelling)
                        .resolve(new CudaSupport.Available(2))
                        .toString());
    }

    @Test
    void autoIsTheCpuWhereNoGpuIsVisible() {
        assertEquals(Device.CPU, DeviceChoice.parse("auto").resolve(CPU_NATIVES));
        assertEquals(Device.CPU, DeviceChoice.parse("auto").resolve(new CudaSupport.MacOs()));
        assertEquals(Device.CPU, DeviceChoice.parse("auto").resolve(new CudaSupport.Available(0)));
    }

    @Test
    void autoAgreesWithTheGpusOfThisProcess() {
        CudaSupport support = CudaSupport.ofThisProcess();

        assertEquals(
                support.visible() > 0,
                DeviceChoice.parse("auto").resolve(support).isCuda());
    }

    @Test
    void anIndexBeyondTheVisibleGpusIsRefusedWithTheirNames() {
        String message = refusal("cuda:7", new CudaSupport.Available(2));

        assertTrue(message.contains("device cuda:7 does not exist: CUDA shows 2 GPUs to this process"), message);
        assertTrue(message.contains("use one of cuda:0, cuda:1"), message);
    }

    @Test
    void aGpuThatTheDriverHidesIsRefused() {
        String message = refusal("cuda", new CudaSupport.Available(0));

        assertTrue(message.contains("device cuda:0 does not exist: CUDA shows no GPU"), message);
        assertTrue(message.contains("CUDA_VISIBLE_DEVICES"), message);
    }

    @Test
    void cpuNativesNameTheArtifactThatIsMissing() {
        String message = refusal("cuda", CPU_NATIVES);

        assertTrue(message.contains("org.bytedeco:pytorch:linux-x86_64-gpu"), message);
        assertTrue(message.contains("Maven profile cuda"), message);
    }

    @Test
    void macOsHasNoCuda() {
        assertTrue(refusal("cuda:0", new CudaSupport.MacOs()).contains("does not exist on macOS"));
    }

    @ParameterizedTest
    @CsvSource({"cud,cuda", "cpu0,cpu", "CUDA,cuda", "cuda:x,cuda:0", "auto1,auto"})
    void anUnknownSpellingIsRefusedWithTheNearest(String spelling, String nearest) {
        String message = refusal(spelling, new CudaSupport.Available(2));

        assertTrue(message.contains("device '" + spelling + "' is unknown"), message);
        assertTrue(message.contains(nearest), message);
    }

    private static String refusal(String spelling, CudaSupport support) {
        return String.valueOf(assertThrows(
                        BowlineException.class,
                        () -> DeviceChoice.parse(spelling).resolve(support))
                .getMessage());
    }
}
