package dev.bowline.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// How many threads BLAS gives one matrix product.
///
/// libtorch's attention kernel calls BLAS from each of its own threads. If every one of those calls starts threads
/// again, they fight for the processors and the kernel takes a multiple of its time; see docs/performance.md. Linux
/// with OpenBLAS only; elsewhere nothing happens.
public final class BlasThreads {

    private static final @Nullable MethodHandle SET = find();
    private static final int ALL = NativeProcess.processors();

    private BlasThreads() {}

    /// One thread per product, for kernels that are parallel themselves.
    public static void one() {
        set(1);
    }

    /// Every processor for one product.
    public static void all() {
        set(ALL);
    }

    private static void set(int threads) {
        if (SET != null) {
            try {
                SET.invokeExact(threads);
            } catch (Throwable e) {
                throw new IllegalStateException("openblas_set_num_threads failed", e);
            }
        }
    }

    /// The copy of OpenBLAS that libtorch is bound to; others may be mapped beside it.
    private static @Nullable MethodHandle find() {
        Path maps = Path.of("/proc/self/maps");
        if (!NativeProcess.isTuned() || !Files.isReadable(maps)) {
            return null;
        }
        try (Stream<String> lines = Files.lines(maps)) {
            Optional<String> file = lines.filter(line -> line.endsWith("/libopenblas_nolapack.so.0"))
                    .map(line -> line.substring(line.indexOf('/')))
                    .findFirst();
            return file.flatMap(path ->
                            SymbolLookup.libraryLookup(path, Arena.global()).find("openblas_set_num_threads"))
                    .map(symbol -> Linker.nativeLinker().downcallHandle(symbol, FunctionDescriptor.ofVoid(JAVA_INT)))
                    .orElse(null);
        } catch (IOException e) {
            return null;
        }
    }
}
