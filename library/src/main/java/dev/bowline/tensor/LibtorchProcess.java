package dev.bowline.tensor;

import dev.bowline.platform.LoadedLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.global.torch;

/// The properties of libtorch in this process that decide how results are rounded.
public final class LibtorchProcess {

    /// c10's level of errors: 0 is INFO, 1 WARNING, 2 ERROR.
    private static final int ERROR = 2;

    private LibtorchProcess() {}

    /// The threads of one operation, on the calling thread.
    public static int threads() {
        return torch.get_num_threads();
    }

    /// Keeps libtorch's own log to errors, for a program that tells its users itself: its communication library warns
    /// on the standard error about host names and connections. Linux only.
    ///
    /// A level in the environment variable `TORCH_CPP_LOG_LEVEL` holds instead.
    public static void logErrorsOnly() {
        // The first call loads libtorch.
        threads();
        Optional<SymbolLookup> library = LoadedLibrary.find("libc10.so");
        boolean isChosen = System.getenv("TORCH_CPP_LOG_LEVEL") != null;
        if (isChosen) {
            library.flatMap(symbols -> symbols.find("_ZN3c1011initLoggingEv")).ifPresent(LibtorchProcess::call);
        } else {
            library.flatMap(symbols -> symbols.find("FLAGS_caffe2_log_level"))
                    .ifPresent(level -> level.reinterpret(Integer.BYTES).set(ValueLayout.JAVA_INT, 0, ERROR));
        }
    }

    private static void call(MemorySegment function) {
        try {
            Linker.nativeLinker()
                    .downcallHandle(function, FunctionDescriptor.ofVoid())
                    .invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException("initLogging failed", e);
        }
    }

    /// The instruction set of the kernels, such as `AVX512`.
    public static String instructions() {
        try (BytePointer text = torch.get_cpu_capability()) {
            return text.getString();
        }
    }
}
