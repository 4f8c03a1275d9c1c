package dev.bowline.files;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;

/// Exchanges two directories in one step with Linux's `renameat2` and RENAME_EXCHANGE, which Java does not offer.
public final class DirectoryExchange {

    /// The directory of relative paths. All paths here are absolute.
    private static final int AT_FDCWD = -100;

    private static final int RENAME_EXCHANGE = 2;

    private final Optional<MethodHandle> function;

    private DirectoryExchange(Optional<MethodHandle> function) {
        this.function = function;
    }

    /// An exchange that always returns false, as on every other system.
    public static DirectoryExchange none() {
        return new DirectoryExchange(Optional.empty());
    }

    public static DirectoryExchange ofSystem() {
        boolean isLinux = System.getProperty("os.name").startsWith("Linux");
        if (!isLinux || !DirectoryExchange.class.getModule().isNativeAccessEnabled()) {
            return none();
        }
        Linker linker = Linker.nativeLinker();
        return new DirectoryExchange(linker.defaultLookup()
                .find("renameat2")
                .map(symbol -> linker.downcallHandle(
                        symbol, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT))));
    }

    /// @return false, with nothing done, when the system or the file system refuses
    public boolean swap(Path a, Path b) {
        if (function.isEmpty()) {
            return false;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment first = arena.allocateFrom(a.toAbsolutePath().toString());
            MemorySegment second = arena.allocateFrom(b.toAbsolutePath().toString());
            return (int) function.get().invokeExact(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) == 0;
        } catch (Throwable e) {
            throw new IllegalStateException("renameat2 failed", e);
        }
    }
}
