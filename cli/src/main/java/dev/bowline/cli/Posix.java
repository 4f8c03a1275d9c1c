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

/// System calls that Java lacks: which of the process's streams is a terminal, and how to end at once.
final class Posix {

    static final int STANDARD_INPUT = 0;
    static final int STANDARD_OUTPUT = 1;
    static final int STANDARD_ERROR = 2;

    private static final int DEFAULT_WIDTH = 80;
    private static final String SYSTEM = System.getProperty("os.name").toLowerCase(Locale.ROOT);

    private Posix() {}

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

    /// The number of files that this process may open; a number above any use where the limit is not known.
    static long openFileLimit() {
        if (SYSTEM.startsWith("windows")) {
            return Long.MAX_VALUE;
        }
        int openFiles = SYSTEM.startsWith("mac") ? 8 : 7;
        MethodHandle getrlimit = function("getrlimit", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            // struct rlimit: the limit in force, and the one up to which a process may raise it
            MemorySegment limits = arena.allocate(JAVA_LONG, 2);
            int failed = (int) getrlimit.invokeExact(openFiles, limits);
            long limit = limits.getAtIndex(JAVA_LONG, 0);
            return failed != 0 || limit < 0 ? Long.MAX_VALUE : limit;
        } catch (Throwable e) {
            throw new IllegalStateException("getrlimit failed", e);
        }
    }

    /// Tells a pipe or a socket whose other end is closed from other streams.
    static boolean isReaderGone(int descriptor) {
        if (SYSTEM.startsWith("windows")) {
            return false;
        }
        short writable = 0x4;
        int errorOrHangUp = 0x8 | 0x10;
        MethodHandle poll = function("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            // struct pollfd: int fd, short events, short revents
            MemorySegment asked = arena.allocate(JAVA_INT, 2);
            asked.set(JAVA_INT, 0, descriptor);
            asked.set(JAVA_SHORT, 4, writable);
            int answers = (int) poll.invokeExact(asked, 1L, 0);
            return answers == 1 && (asked.get(JAVA_SHORT, 6) & errorOrHangUp) != 0;
        } catch (Throwable e) {
            throw new IllegalStateException("poll failed", e);
        }
    }

    /// Makes the kernel end this process with SIGKILL when the thread ends that started it. Only on Linux.
    ///
    /// @param parent process that should be the parent
    /// @return false if that process has ended already
    static boolean endWith(long parent) {
        int setParentDeathSignal = 1;
        long kill = 9;
        MethodHandle prctl = function(
                "prctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG), Linker.Option.firstVariadicArg(1));
        MethodHandle getppid = function("getppid", FunctionDescriptor.of(JAVA_INT));
        try {
            int failed = (int) prctl.invokeExact(setParentDeathSignal, kill);
            return failed == 0 && (int) getppid.invokeExact() == parent;
        } catch (Throwable e) {
            throw new IllegalStateException("prctl failed", e);
        }
    }

    /// Sends everything that goes to the standard output nowhere, until the result is closed: Gloo prints there. Only
    /// on Linux.
    static SilentOutput silenceOutput() {
        int write = 1;
        MethodHandle open =
                function("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), Linker.Option.firstVariadicArg(2));
        MethodHandle dup = function("dup", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            int kept = (int) dup.invokeExact(STANDARD_OUTPUT);
            int nowhere = (int) open.invokeExact(arena.allocateFrom("/dev/null"), write);
            redirectOutput(nowhere);
            return () -> redirectOutput(kept);
        } catch (Throwable e) {
            throw new IllegalStateException("dup failed", e);
        }
    }

    /// Ends a silence.
    interface SilentOutput extends AutoCloseable {
        @Override
        void close();
    }

    /// Makes the standard output a copy of `descriptor`, and closes that.
    private static void redirectOutput(int descriptor) {
        MethodHandle dup2 = function("dup2", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
        MethodHandle close = function("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        try {
            int copied = (int) dup2.invokeExact(descriptor, STANDARD_OUTPUT);
            int closed = (int) close.invokeExact(descriptor);
            if (copied < 0 || closed < 0) {
                throw new IllegalStateException("the standard output cannot be redirected");
            }
        } catch (Throwable e) {
            throw new IllegalStateException("dup2 failed", e);
        }
    }

    /// Ends the process without running anything more: exit() would run libtorch's static destructors, which crash when
    /// threads still compute.
    static void exitNow(int code) {
        if (!SYSTEM.startsWith("windows")) {
            MethodHandle exit = function("_exit", FunctionDescriptor.ofVoid(JAVA_INT));
            try {
                exit.invokeExact(code);
            } catch (Throwable e) {
                throw new IllegalStateException("_exit failed", e);
            }
        }
        Runtime.getRuntime().halt(code);
    }

    private static MethodHandle function(String name, FunctionDescriptor descriptor, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor, options);
    }
}
