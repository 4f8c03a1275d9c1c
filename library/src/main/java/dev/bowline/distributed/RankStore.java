package dev.bowline.distributed;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.IntOptional;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;

/// The key-value store that rank 0 serves, through which the ranks join (PyTorch: `TCPStore`).
///
/// A store that Java constructs may be handed to native code once, or the process aborts; a store that native code
/// returned may be handed out again and again. This object hands out the latter only.
final class RankStore {

    private static final long POLL_MILLIS = 10;
    private static final String FAILED = "failed";

    private final Store shared;
    private final String who;

    private RankStore(Store shared, String who) {
        this.shared = shared;
        this.who = who;
    }

    /// Serves the store, on a socket that listens already.
    ///
    /// @param socket the file descriptor, which this store takes over
    static RankStore serving(String host, int port, int socket, Duration timeout) {
        return open(host, port, Optional.of(socket), timeout, "rank 0");
    }

    /// Connects to the store of rank 0.
    static RankStore connecting(String host, int port, Duration timeout, String who) {
        return open(host, port, Optional.empty(), timeout, who);
    }

    private static RankStore open(String host, int port, Optional<Integer> socket, Duration timeout, String who) {
        try (PointerScope _ = new PointerScope()) {
            TCPStoreOptions options = new TCPStoreOptions()
                    .port((short) port)
                    .isServer(socket.isPresent())
                    .waitWorkers(false)
                    .timeout(millis(timeout));
            socket.ifPresent(descriptor -> options.masterListenFd(new IntOptional(descriptor)));
            Store store = HandedOver.keep(new PrefixStore("bowline", HandedOver.keep(new TCPStore(host, options))))
                    .getUnderlyingStore();
            store.retainReference();
            return new RankStore(store, who);
        }
    }

    /// The part of this store whose keys begin with `prefix`.
    RankStore within(String prefix) {
        try (PointerScope _ = new PointerScope()) {
            Store inner = HandedOver.keep(new PrefixStore(prefix, shared));
            Store part = HandedOver.keep(new PrefixStore("part", inner)).getUnderlyingStore();
            part.retainReference();
            return new RankStore(part, who);
        }
    }

    static Milliseconds millis(Duration duration) {
        return new Milliseconds(duration.toMillis());
    }

    /// A store of its own for a process group.
    ///
    /// @return a new store, for one use
    Store group(String name) {
        return HandedOver.keep(new PrefixStore(name, shared));
    }

    void set(String key, String value) {
        guarded("write '%s' to the store".formatted(key), () -> {
            shared.set(key, value);
            return value;
        });
    }

    long add(String key, long amount) {
        return guarded("add to '%s' in the store".formatted(key), () -> shared.add(key, amount));
    }

    /// Ends the joining of the other ranks, which report `problem`.
    void fail(String problem) {
        try {
            set(FAILED, problem);
        } catch (RankFailure _) {
            // The store is gone, which the other ranks notice by themselves.
        }
    }

    /// The value of a key, once another rank has written it.
    ///
    /// @param deadline see [System#nanoTime]
    /// @return empty after the deadline
    /// @throws RankFailure if the store is gone, or if another rank reported a failure
    Optional<String> await(String key, long deadline) {
        while (true) {
            if (has(key)) {
                return Optional.of(guarded("read '%s' from the store".formatted(key), () -> shared.get_to_str(key)));
            }
            if (has(FAILED)) {
                throw RankFailure.of(guarded("read the store", () -> shared.get_to_str(FAILED)));
            }
            if (System.nanoTime() - deadline > 0) {
                return Optional.empty();
            }
            pause();
        }
    }

    /// The ranks among `world` for which no key `<prefix>/<rank>` was written.
    List<Integer> missing(String prefix, int world) {
        List<Integer> missing = new ArrayList<>();
        for (int rank = 0; rank < world; rank++) {
            if (!has(prefix + "/" + rank)) {
                missing.add(rank);
            }
        }
        return missing;
    }

    private boolean has(String key) {
        return guarded("look for '%s' in the store".formatted(key), () -> {
            try (PointerScope _ = new PointerScope()) {
                return shared.check(new StringVector(key));
            }
        });
    }

    private static void pause() {
        try {
            Thread.sleep(POLL_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RankFailure("the joining of the ranks was interrupted", e);
        }
    }

    private <T> T guarded(String what, Supplier<T> work) {
        try {
            return work.get();
        } catch (RuntimeException e) {
            throw new RankFailure("%s cannot %s of rank 0: %s".formatted(who, what, NativeMessages.firstLine(e)), e);
        }
    }
}
