package dev.bowline.platform;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Pages of new memory, which the system provides one at a time when they are first written.
public final class MemoryPages {

    /// `MADV_POPULATE_WRITE` of Linux 5.14 and newer; older kernels refuse it.
    private static final int POPULATE_WRITE = 23;

    private static final int DONTNEED = 4;

    private static final long PAGE_BYTES = 4096;

    private static final Optional<MethodHandle> MADVISE = madvise();

    private MemoryPages() {}

    /// Requests all pages of `memory` at once, before it is written. The content does not change. If the system
    /// does not support the call, nothing happens: the call only saves time.
    ///
    /// @param memory native
    public static void populate(MemorySegment memory) {
        advise(memory, POPULATE_WRITE);
    }

    /// Gives the pages of `memory` back to the system. The address stays valid, and the content is lost. If the system
    /// does not support the call, nothing happens.
    ///
    /// @param memory native, not mapped from a file
    public static void release(MemorySegment memory) {
        advise(memory, DONTNEED);
    }

    private static void advise(MemorySegment memory, int advice) {
        long start = Math.ceilDiv(memory.address(), PAGE_BYTES) * PAGE_BYTES;
        long end = (memory.address() + memory.byteSize()) / PAGE_BYTES * PAGE_BYTES;
        if (start >= end || MADVISE.isEmpty()) {
            return;
        }
        try {
            int _ = (int) MADVISE.get().invokeExact(MemorySegment.ofAddress(start), end - start, advice);
        } catch (Throwable e) {
            throw new IllegalStateException("madvise failed", e);
        }
    }

    private static Optional<MethodHandle> madvise() {
        if (!System.getProperty("os.name").startsWith("Linux")) {
            return Optional.empty();
        }
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup()
                .find("madvise")
                .map(symbol ->
                        linker.downcallHandle(symbol, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)));
    }
}
