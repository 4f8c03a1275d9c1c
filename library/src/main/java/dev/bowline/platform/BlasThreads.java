package dev.bowline.platform;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// The number of threads that OpenBLAS uses for one matrix product.
///
/// libtorch's attention kernel calls BLAS from each of its threads. If each of those calls starts threads again,
/// they compete for the processors and the kernel takes several times as long; see docs/performance.md. Linux with
/// OpenBLAS only; elsewhere nothing happens. libtorch must be loaded.
public final class BlasThreads {

    /// `openblas_get_num_threads` and `openblas_set_num_threads`.
    private record Functions(MethodHandle get, MethodHandle set) {}

    private static final Optional<Functions> OPENBLAS =
            LoadedLibrary.find("libopenblas_nolapack.so.0").flatMap(BlasThreads::functions);

    /// The initial number of threads, which the environment may set.
    private static final int ALL = count();

    private BlasThreads() {}

    /// One thread per product, for kernels that are parallel themselves.
    public static void one() {
        set(1);
    }

    /// The initial number of threads.
    public static void all() {
        set(ALL);
    }

    /// The number of threads of the next product; 1 if it is unknown.
    public static int count() {
        if (OPENBLAS.isEmpty()) {
            return 1;
        }
        try {
            return (int) OPENBLAS.get().get().invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException("openblas_get_num_threads failed", e);
        }
    }

    private static void set(int threads) {
        if (OPENBLAS.isEmpty()) {
            return;
        }
        try {
            OPENBLAS.get().set().invokeExact(threads);
        } catch (Throwable e) {
            throw new IllegalStateException("openblas_set_num_threads failed", e);
        }
    }

    private static Optional<Functions> functions(SymbolLookup library) {
        Linker linker = Linker.nativeLinker();
        return library.find("openblas_get_num_threads")
                .flatMap(get -> library.find("openblas_set_num_threads")
                        .map(set -> new Functions(
                                linker.downcallHandle(get, FunctionDescriptor.of(JAVA_INT)),
                                linker.downcallHandle(set, FunctionDescriptor.ofVoid(JAVA_INT)))));
    }
}
