package dev.bowline.tensor;

import dev.bowline.BowlineException;
import dev.bowline.natives.NativeLibraries;
import dev.bowline.natives.NativePlatform;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.global.torch;

/// The NVIDIA GPUs that this process can use, or the reason why it can use none.
public sealed interface CudaSupport {

    /// The natives on the class path have CUDA.
    ///
    /// @param count the number of GPUs that CUDA shows to this process
    record Available(int count) implements CudaSupport {}

    /// The natives on the class path are built for CPUs.
    ///
    /// @param platform in JavaCPP's spelling, such as `linux-x86_64`
    record CpuNatives(String platform) implements CudaSupport {}

    /// macOS, for which CUDA does not exist.
    record MacOs() implements CudaSupport {}

    /// Asks the platform, the class path and CUDA.
    static CudaSupport ofThisProcess() {
        String platform = NativePlatform.name();
        if (platform.startsWith("macosx")) {
            return new MacOs();
        }
        if (!NativeLibraries.hasGpuLibtorch()) {
            return new CpuNatives(platform);
        }
        LibTorch.load();
        return new Available((int) torch.cuda_device_count());
    }

    /// The number of GPUs that can be used.
    default int visible() {
        return switch (this) {
            case Available(int count) -> count;
            case CpuNatives _, MacOs _ -> 0;
        };
    }

    /// Refuses a GPU that cannot be used. Accepts every other device.
    ///
    /// @throws BowlineException if `device` is a GPU that cannot be used
    default void require(Device device) {
        if (!device.isCuda()) {
            return;
        }
        switch (this) {
            case Available(int count) -> requireVisible(device, count);
            case CpuNatives(String platform) ->
                throw new BowlineException(
                        ("device %s needs the CUDA natives org.bytedeco:pytorch:%s-gpu; the natives on the class path"
                                        + " are for CPUs only")
                                .formatted(device, platform),
                        "put the natives with the classifier %s-gpu on the class path (Maven profile cuda), or use cpu"
                                .formatted(platform));
            case MacOs _ ->
                throw new BowlineException(
                        "device %s does not exist on macOS, which has no CUDA".formatted(device), "use cpu");
        }
    }

    private static void requireVisible(Device device, int count) {
        if (device.index() < count) {
            return;
        }
        if (count == 0) {
            throw new BowlineException(
                    "device %s does not exist: CUDA shows no GPU to this process".formatted(device),
                    "check the NVIDIA driver and the variable CUDA_VISIBLE_DEVICES, or use cpu");
        }
        throw new BowlineException(
                "device %s does not exist: CUDA shows %d %s to this process"
                        .formatted(device, count, count == 1 ? "GPU" : "GPUs"),
                "use one of "
                        + IntStream.range(0, count).mapToObj(i -> "cuda:" + i).collect(Collectors.joining(", ")));
    }
}
