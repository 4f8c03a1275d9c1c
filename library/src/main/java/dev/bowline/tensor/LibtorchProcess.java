package dev.bowline.tensor;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.global.torch;

/// The properties of libtorch in this process that decide how results are rounded.
public final class LibtorchProcess {

    private LibtorchProcess() {}

    /// The threads of one operation, on the calling thread.
    public static int threads() {
        return torch.get_num_threads();
    }

    /// The instruction set of the kernels, such as `AVX512`.
    public static String instructions() {
        try (BytePointer text = torch.get_cpu_capability()) {
            return text.getString();
        }
    }
}
