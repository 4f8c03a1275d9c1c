package dev.bowline.platform;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Functions of the C library that change settings of this process. A function that the library lacks does
/// nothing.
final class LibC {

    /// Parameters of `mallopt`.
    enum MallocParameter {
        TRIM_THRESHOLD(-1, "MALLOC_TRIM_THRESHOLD_"),
        TOP_PAD(-2, "MALLOC_TOP_PAD_"),
        MMAP_THRESHOLD(-3, "MALLOC_MMAP_THRESHOLD_");

        private final int code;
        private final String variable;

        MallocParameter(int code, String variable) {
            this.code = code;
            this.variable = variable;
        }

        /// The environment variable of the same setting.
        String variable() {
            return variable;
        }
    }

    private LibC() {}

    /// Sets an environment variable for native code; Java's copy of the environment does not change.
    static void setenv(String name, String value) {
        find("setenv", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT))
                .ifPresent(function -> {
                    try (Arena arena = Arena.ofConfined()) {
                        MemorySegment nameText = arena.allocateFrom(name);
                        MemorySegment valueText = arena.allocateFrom(value);
                        int _ = (int) function.invokeExact(nameText, valueText, 0);
                    } catch (Throwable e) {
                        throw new IllegalStateException("setenv failed", e);
                    }
                });
    }

    /// @param value capped at `Integer.MAX_VALUE`, the largest that `mallopt` takes
    static void mallopt(MallocParameter parameter, long value) {
        int capped = (int) Math.min(value, Integer.MAX_VALUE);
        find("mallopt", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT)).ifPresent(function -> {
            try {
                int _ = (int) function.invokeExact(parameter.code, capped);
            } catch (Throwable e) {
                throw new IllegalStateException("mallopt failed", e);
            }
        });
    }

    private static Optional<MethodHandle> find(String function, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup().find(function).map(symbol -> linker.downcallHandle(symbol, descriptor));
    }
}
