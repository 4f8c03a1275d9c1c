package dev.bowline.distributed;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.javacpp.PointerScope;

/// Runs several ranks as threads of this process.
public final class Ranks {

    /// Long enough for a machine that does much else.
    public static final Duration TIMEOUT = Duration.ofSeconds(60);

    /// The work of one rank.
    @FunctionalInterface
    public interface Work<T> {
        T run(ProcessGroup group) throws Exception;
    }

    /// A part of a test that one rank runs.
    @FunctionalInterface
    interface Part<T> {
        T run(int rank, int port) throws Exception;
    }

    private Ranks() {}

    /// The results of the ranks in their order. A failure of a rank is thrown, rather than the loss of that rank which
    /// the others see.
    public static <T> List<T> run(int worldSize, Work<T> work) {
        return parts(worldSize, (rank, port) -> {
            try (PointerScope _ = new PointerScope();
                    ProcessGroup group = join(place(rank, worldSize, port), TIMEOUT)) {
                T result = work.run(group);
                group.barrier("the test");
                return result;
            }
        });
    }

    static ProcessGroup join(Rendezvous place, Duration timeout) {
        return ProcessGroup.join(place, new Network.TowardsMaster(), timeout);
    }

    static Rendezvous place(int rank, int worldSize, int port) {
        return new Rendezvous(rank, worldSize, rank, "127.0.0.1", port, "test", 0);
    }

    /// Runs a part on a thread per rank, without joining.
    static <T> List<T> parts(int count, Part<T> part) {
        int port = freePort();
        try (ExecutorService threads = Executors.newFixedThreadPool(count)) {
            List<Future<T>> futures = new ArrayList<>();
            for (int rank = 0; rank < count; rank++) {
                int mine = rank;
                futures.add(threads.submit(() -> part.run(mine, port)));
            }
            List<T> results = new ArrayList<>();
            List<Throwable> failures = new ArrayList<>();
            for (Future<T> future : futures) {
                try {
                    results.add(future.get());
                } catch (ExecutionException e) {
                    failures.add(e.getCause());
                }
            }
            if (!failures.isEmpty()) {
                throw first(failures);
            }
            return results;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /// The first failure that is not the loss of another rank, if there is one.
    private static RuntimeException first(List<Throwable> failures) {
        Throwable first = failures.stream()
                .filter(failure -> !(failure instanceof RankFailure))
                .findFirst()
                .orElse(failures.getFirst());
        return first instanceof RuntimeException failure ? failure : new IllegalStateException(first);
    }

    /// A port of the loopback address that nothing listens on.
    public static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
