package dev.bowline.platform;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;

/// The arena of glibc's allocator that a thread uses.
///
/// An arena is memory behind one lock: threads that share one wait for each other at every allocation. Only the
/// main arena grows without limit; the others map a large tensor anew each time, page by page.
/// docs/performance.md has the measured cost of both.
public final class MallocArena {

    /// The two kinds of arenas.
    public enum Kind {
        MAIN,
        OTHER
    }

    private static final long SMALL = 1000;
    private static final int ATTEMPTS = 40;

    private record Functions(MethodHandle malloc, MethodHandle free) {}

    private static final Optional<Functions> ALLOCATOR = functions();

    private MallocArena() {}

    private static Optional<Functions> functions() {
        Linker linker = Linker.nativeLinker();
        SymbolLookup library = linker.defaultLookup();
        return library.find("malloc")
                .flatMap(malloc -> library.find("free")
                        .map(free -> new Functions(
                                linker.downcallHandle(malloc, FunctionDescriptor.of(JAVA_LONG, JAVA_LONG)),
                                linker.downcallHandle(free, FunctionDescriptor.ofVoid(JAVA_LONG)))));
    }

    /// A thread with an arena of `kind`, if one of many new threads has one.
    ///
    /// A new thread gets a new arena until there are as many as the allocator makes (`MALLOC_ARENA_MAX`, or else
    /// 8 for each processor), and from then on the arenas in turn, beginning with the main arena. With many
    /// processors and no such limit, no thread gets the main arena.
    public static ExecutorService threadOf(Kind kind, ThreadFactory factory) {
        // A new thread gets the arena that an ended thread leaves, so threads of the other kind live until the end.
        List<ExecutorService> others = new ArrayList<>();
        ExecutorService thread = Executors.newSingleThreadExecutor(factory);
        while (isKnown() && others.size() < ATTEMPTS && isMain(thread) != (kind == Kind.MAIN)) {
            others.add(thread);
            thread = Executors.newSingleThreadExecutor(factory);
        }
        others.forEach(ExecutorService::shutdown);
        return thread;
    }

    /// True if the arena of a thread can be determined on this system.
    private static boolean isKnown() {
        return ALLOCATOR.isPresent() && !ProcessMaps.endingWith("[heap]").isEmpty();
    }

    private static boolean isMain(ExecutorService thread) {
        return CompletableFuture.supplyAsync(MallocArena::isMain, thread).join();
    }

    /// True if the calling thread has the main arena, which is the process's heap. False if the arena is unknown.
    public static boolean isMain() {
        if (ALLOCATOR.isEmpty()) {
            return false;
        }
        try {
            long address = (long) ALLOCATOR.get().malloc().invokeExact(SMALL);
            boolean inHeap = inHeap(address);
            ALLOCATOR.get().free().invokeExact(address);
            return inHeap;
        } catch (Throwable e) {
            throw new IllegalStateException("malloc failed", e);
        }
    }

    private static boolean inHeap(long address) {
        return ProcessMaps.endingWith("[heap]").stream().anyMatch(line -> {
            String range = line.substring(0, line.indexOf(' '));
            int dash = range.indexOf('-');
            long from = Long.parseUnsignedLong(range.substring(0, dash), 16);
            long to = Long.parseUnsignedLong(range.substring(dash + 1), 16);
            return from <= address && address < to;
        });
    }
}
