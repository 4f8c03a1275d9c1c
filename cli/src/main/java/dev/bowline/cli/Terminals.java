package dev.bowline.cli;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/// What the process's streams are connected to. Java knows only whether all of them are a terminal.
final class Terminals {

    static final int STANDARD_INPUT = 0;
    static final int STANDARD_ERROR = 2;

    private static final int DEFAULT_WIDTH = 80;
    private static final String SYSTEM = System.getProperty("os.name").toLowerCase(Locale.ROOT);

    private Terminals() {}

    static boolean isTerminal(int descriptor) {
        if (SYSTEM.startsWith("windows")) {
            return System.console() != null && System.console().isTerminal();
        }
        MethodHandle isatty = function("isatty", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        try {
            return (int) isatty.invokeExact(descriptor) == 1;
        } catch (Throwable e) {
            throw new IllegalStateException("isatty failed", e);
        }
    }

    /// Columns; 80 where the terminal does not say.
    static int width(int descriptor) {
        if (SYSTEM.startsWith("windows")) {
            return DEFAULT_WIDTH;
        }
        long request = SYSTEM.startsWith("mac") ? 0x40087468L : 0x5413L;
        MethodHandle ioctl = function(
                "ioctl",
                FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
                Linker.Option.firstVariadicArg(2));
        try (Arena arena = Arena.ofConfined()) {
            // struct winsize: rows, columns, and two sizes in pixels
            MemorySegment size = arena.allocate(JAVA_SHORT, 4);
            int failed = (int) ioctl.invokeExact(descriptor, request, size);
            int columns = Short.toUnsignedInt(size.getAtIndex(JAVA_SHORT, 1));
            return failed != 0 || columns == 0 ? DEFAULT_WIDTH : columns;
        } catch (Throwable e) {
            throw new IllegalStateException("ioctl failed", e);
        }
    }

    private static MethodHandle function(String name, FunctionDescriptor descriptor, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor, options);
    }
}
