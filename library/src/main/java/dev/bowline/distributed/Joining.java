package dev.bowline.distributed;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// The joining of one rank: it reaches the store of rank 0, claims its rank, waits for the others and dials them.
///
/// All of it goes through the store and plain sockets, because a wrong address, a taken rank or a rank that is not
/// there would let Gloo wait for a long time, or end the process.
final class Joining {

    private static final Duration DIAL = Duration.ofSeconds(5);
    private static final long RETRY_MILLIS = 100;

    private final Rendezvous place;
    private final Network network;
    private final Duration timeout;
    private final long deadline;
    private final String self;

    /// The place of a rank, for the others.
    private record Hello(String host, long process, String address, int port) {

        String text() {
            return Json.compact(JsonObject.of()
                    .with("host", host)
                    .with("process", process)
                    .with("address", address)
                    .with("port", port));
        }

        static Hello parse(String text) {
            JsonObject json = Json.parse(text, "the store").asObject();
            return new Hello(
                    json.requireString("host"),
                    json.requireLong("process"),
                    json.requireString("address"),
                    json.requireInt("port"));
        }

        String name(int rank) {
            return "rank %d (%s, process %d)".formatted(rank, host, process);
        }
    }

    Joining(Rendezvous place, Network network, Duration timeout) {
        this.place = place;
        this.network = network;
        this.timeout = timeout;
        deadline = System.nanoTime() + timeout.toNanos();
        self = "rank %d".formatted(place.rank());
    }

    ProcessGroup join() {
        GlooSupport.require();
        InetSocketAddress master = new InetSocketAddress(resolved(), place.masterPort());
        InetAddress local = network.localAddress(master);
        RankStore store = store(master);
        // A failure up to here must not end the job that serves this store.
        requireSameJob(store);
        claim(store);
        try (ServerSocket door = new ServerSocket(0, place.worldSize(), local)) {
            Hello mine =
                    new Hello(hostName(), ProcessHandle.current().pid(), local.getHostAddress(), door.getLocalPort());
            store.set("hello/" + place.rank(), mine.text());
            List<Hello> all = hellos(store);
            requireReachable(all);
            dialLower(all);
            store.set("ready/" + place.rank(), "yes");
            awaitAll(store, "ready", "reached the others");
            List<String> names = new ArrayList<>();
            for (int rank = 0; rank < all.size(); rank++) {
                names.add(all.get(rank).name(rank));
            }
            return ProcessGroup.connect(
                    "world", place.rank(), names, new ProcessGroup.Connection(store, local, timeout));
        } catch (IOException e) {
            BowlineException failure = new BowlineException(
                    "%s cannot listen on %s: %s".formatted(self, local.getHostAddress(), e.getMessage()),
                    "name another interface with " + Network.VARIABLE,
                    e);
            store.fail(failure.problem());
            throw failure;
        } catch (BowlineException e) {
            store.fail(e.problem());
            throw e;
        }
    }

    /// A name that no server knows yet may be known soon, as in Kubernetes.
    private InetAddress resolved() {
        while (true) {
            try {
                return Network.resolve(place.masterAddress());
            } catch (UnknownHostException e) {
                if (System.nanoTime() - deadline > 0) {
                    throw new RankFailure(
                            "%s cannot find the host '%s' of rank 0: no name server knew it for %s"
                                    .formatted(self, place.masterAddress(), seconds()),
                            "correct the address of rank 0");
                }
                pause();
            }
        }
    }

    private RankStore store(InetSocketAddress master) {
        String host = master.getAddress().getHostAddress();
        boolean servesItself = place.server() == Rendezvous.Server.RANK_0;
        if (servesItself && place.rank() == 0) {
            return RankStore.serving(host, place.masterPort(), ListenSocket.on(master), timeout);
        }
        awaitServer(master);
        try {
            RankStore store = RankStore.connecting(host, place.masterPort(), timeout, self);
            return servesItself ? store : store.within("%s/attempt_%d".formatted(place.job(), place.attempt()));
        } catch (RuntimeException e) {
            throw new RankFailure(
                    "%s found no store of rank 0 at %s: %s".formatted(self, master, NativeMessages.firstLine(e)), e);
        }
    }

    private void awaitServer(InetSocketAddress master) {
        while (true) {
            try (Socket socket = new Socket()) {
                socket.connect(master, (int) DIAL.toMillis());
                return;
            } catch (IOException e) {
                if (System.nanoTime() - deadline > 0) {
                    throw new RankFailure(
                            "%s cannot reach rank 0 at %s: %s, for %s"
                                    .formatted(self, master, e.getMessage(), seconds()),
                            e);
                }
                pause();
            }
        }
    }

    private void requireSameJob(RankStore store) {
        String mine = "%s, attempt %d, %d ranks".formatted(place.job(), place.attempt(), place.worldSize());
        if (place.rank() == 0) {
            store.set("job", mine);
            return;
        }
        String served = store.await("job", deadline)
                .orElseThrow(
                        () -> RankFailure.of("%s found a store at %s:%d in which no job of Bowline was begun, for %s"
                                .formatted(self, place.masterAddress(), place.masterPort(), seconds())));
        if (!served.equals(mine)) {
            throw new RankFailure(
                    "%s is of the job '%s', and rank 0 at %s:%d is of '%s'"
                            .formatted(self, mine, place.masterAddress(), place.masterPort(), served),
                    "start all ranks with the same world size and job, or give the second job another port");
        }
    }

    private void claim(RankStore store) {
        if (store.add("claim/" + place.rank(), 1) != 1) {
            String holder = store.await("hello/" + place.rank(), System.nanoTime() + DIAL.toNanos())
                    .map(text -> Hello.parse(text).name(place.rank()))
                    .orElse("another process");
            throw new RankFailure("%s is taken by %s".formatted(self, holder), "give every process a rank of its own");
        }
    }

    private List<Hello> hellos(RankStore store) {
        awaitAll(store, "hello", "come");
        List<Hello> all = new ArrayList<>();
        for (int rank = 0; rank < place.worldSize(); rank++) {
            all.add(Hello.parse(store.await("hello/" + rank, deadline).orElseThrow()));
        }
        return all;
    }

    private void awaitAll(RankStore store, String prefix, String what) {
        for (int rank = 0; rank < place.worldSize(); rank++) {
            if (store.await(prefix + "/" + rank, deadline).isEmpty()) {
                List<Integer> missing = store.missing(prefix, place.worldSize());
                throw RankFailure.of("%s of %d ranks have not %s within %s: %s"
                        .formatted(
                                missing.size(),
                                place.worldSize(),
                                what,
                                seconds(),
                                missing.stream().map(each -> "rank " + each).collect(Collectors.joining(", "))));
            }
        }
    }

    private void requireReachable(List<Hello> all) {
        boolean severalHosts = all.stream().map(Hello::host).distinct().count() > 1;
        for (int rank = 0; rank < all.size() && severalHosts; rank++) {
            Hello hello = all.get(rank);
            if (InetAddress.ofLiteral(hello.address()).isLoopbackAddress()) {
                throw new BowlineException(
                        "%s has the address %s, which the ranks on other machines cannot reach"
                                .formatted(hello.name(rank), hello.address()),
                        "name the interface between the machines with %s, or use another address for rank 0"
                                .formatted(Network.VARIABLE));
            }
        }
    }

    private void dialLower(List<Hello> all) {
        for (int rank = 0; rank < place.rank(); rank++) {
            Hello hello = all.get(rank);
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(hello.address(), hello.port()), (int) DIAL.toMillis());
            } catch (IOException e) {
                throw new RankFailure(
                        "%s cannot reach %s at %s: %s"
                                .formatted(self, hello.name(rank), hello.address(), e.getMessage()),
                        "open the network between the machines for all ports, or name the interface with "
                                + Network.VARIABLE);
            }
        }
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException _) {
            return "localhost";
        }
    }

    private String seconds() {
        return "%d s".formatted(timeout.toSeconds());
    }

    private static void pause() {
        try {
            Thread.sleep(RETRY_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RankFailure("the joining of the ranks was interrupted", e);
        }
    }
}
