package dev.bowline.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;

/// A world that does not form as declared ends with a cause, on every rank.
class JoiningTest {

    private static final Duration SHORT = Duration.ofSeconds(1);

    private static Optional<BowlineException> failure(Rendezvous place, Duration timeout) {
        return failure(place, new Network.TowardsMaster(), timeout);
    }

    private static Optional<BowlineException> failure(Rendezvous place, Network network, Duration timeout) {
        try (PointerScope _ = new PointerScope();
                ProcessGroup group = ProcessGroup.join(place, network, timeout)) {
            group.barrier("the test");
            return Optional.empty();
        } catch (BowlineException e) {
            return Optional.of(e);
        }
    }

    private static String problem(Optional<BowlineException> failure) {
        return failure.orElseThrow().problem();
    }

    @Test
    void aRankThatDoesNotComeIsNamedByTheOthers() {
        List<Optional<BowlineException>> failures =
                Ranks.parts(2, (rank, port) -> failure(Ranks.place(rank, 4, port), SHORT));

        for (Optional<BowlineException> failure : failures) {
            assertInstanceOf(RankFailure.class, failure.orElseThrow());
            assertTrue(
                    problem(failure).contains("2 of 4 ranks have not come within 1 s: rank 2, rank 3"),
                    problem(failure));
        }
    }

    @Test
    void withoutRankZeroThereIsNoServer() {
        int port = Ranks.freePort();

        Optional<BowlineException> failure = failure(Ranks.place(1, 2, port), SHORT);

        assertInstanceOf(RankFailure.class, failure.orElseThrow());
        assertTrue(problem(failure).contains("rank 1 cannot reach rank 0 at /127.0.0.1:" + port), problem(failure));
    }

    /// The store of torchrun is there before the ranks, and stays when the ranks start again.
    @Test
    void ranksJoinThroughTheStoreOfALauncherAtEveryStart() {
        int port = Ranks.freePort();
        RankStore.serving("127.0.0.1", port, ListenSocket.on(new InetSocketAddress("127.0.0.1", port)), Ranks.TIMEOUT);

        for (int start = 0; start < 2; start++) {
            int attempt = start;
            List<Optional<BowlineException>> failures = Ranks.parts(
                    2,
                    (rank, _) -> failure(
                            new Rendezvous(
                                    rank, 2, rank, "127.0.0.1", port, "test", attempt, Rendezvous.Server.LAUNCHER),
                            Ranks.TIMEOUT));

            assertEquals(List.of(Optional.empty(), Optional.empty()), failures);
        }
    }

    @Test
    void anUnknownHostIsNamed() {
        Rendezvous place = new Rendezvous(1, 2, 0, "no-such-host.invalid", 29_500, "test", 0);

        Optional<BowlineException> failure = failure(place, Duration.ofMillis(300));

        assertTrue(problem(failure).contains("'no-such-host.invalid'"), problem(failure));
    }

    /// The ranks 0 and 1 of a world of 3, and rank 1 once more.
    @Test
    void aRankThatIsTakenIsRefusedAndNamesItsHolder() {
        List<Optional<BowlineException>> failures =
                Ranks.parts(3, (part, port) -> failure(Ranks.place(Math.min(part, 1), 3, port), Duration.ofSeconds(2)));

        List<String> taken = failures.stream()
                .map(JoiningTest::problem)
                .filter(problem -> problem.startsWith("rank 1 is taken by rank 1 ("))
                .toList();
        assertEquals(1, taken.size(), failures.toString());
        assertTrue(
                taken.getFirst().contains("process " + ProcessHandle.current().pid()), taken.getFirst());
    }

    @Test
    void ranksOfOtherWorldsAreRefused() {
        List<Optional<BowlineException>> failures =
                Ranks.parts(2, (rank, port) -> failure(Ranks.place(rank, 2 + rank, port), SHORT));

        assertTrue(
                problem(failures.get(1)).contains("'test, attempt 0, 3 ranks', and rank 0 at"),
                problem(failures.get(1)));
        assertTrue(problem(failures.get(0)).contains("1 of 2 ranks have not come"), problem(failures.get(0)));
    }

    /// A rank of another job comes to the port of this one, which continues.
    @Test
    void aForeignJobIsRefusedAndThisOneGoesOn() {
        List<Optional<BowlineException>> failures = Ranks.parts(
                3,
                (part, port) -> part < 2
                        ? failure(Ranks.place(part, 2, port), Ranks.TIMEOUT)
                        : failure(new Rendezvous(1, 2, 1, "127.0.0.1", port, "other", 0), Ranks.TIMEOUT));

        assertEquals(Optional.empty(), failures.get(0));
        assertEquals(Optional.empty(), failures.get(1));
        assertTrue(
                problem(failures.get(2)).contains("of the job 'other, attempt 0, 2 ranks'"), problem(failures.get(2)));
    }

    @Test
    void aPortThatIsTakenIsNamed() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Optional<BowlineException> failure = failure(Ranks.place(0, 2, taken.getLocalPort()), SHORT);

            assertTrue(failure.orElseThrow() instanceof RankFailure, "another start may find another port");
            assertTrue(
                    problem(failure).contains("port %d of 127.0.0.1 is taken".formatted(taken.getLocalPort())),
                    problem(failure));
        }
    }

    /// The store listens on the address of rank 0 and on no other of this machine.
    @Test
    void theStoreListensOnOneAddress() throws IOException {
        int port = Ranks.freePort();
        InetAddress other = InetAddress.ofLiteral("127.0.0.2");
        Ranks.parts(2, (rank, _) -> {
            try (PointerScope _ = new PointerScope();
                    ProcessGroup group = Ranks.join(Ranks.place(rank, 2, port), Ranks.TIMEOUT)) {
                if (rank == 0) {
                    new ServerSocket(port, 1, other).close();
                }
                group.barrier("the test");
            }
            return 0;
        });
        assertThrows(IOException.class, () -> {
            try (var socket = new java.net.Socket()) {
                socket.connect(new InetSocketAddress(other, port), 100);
            }
        });
    }

    @Test
    void aWrongNetworkIsRefusedWithThoseThereAre() {
        int port = Ranks.freePort();

        String byName =
                problem(failure(Ranks.place(0, 2, port), Network.of(Map.of("BOWLINE_NETWORK", "eth77")), SHORT));
        String byPrefix = problem(
                failure(Ranks.place(0, 2, port), Network.of(Map.of("BOWLINE_NETWORK", "203.0.113.0/24")), SHORT));

        assertTrue(byName.contains("'eth77'"), byName);
        assertTrue(byPrefix.contains("203.0.113.0/24"), byPrefix);
        assertThrows(BowlineException.class, () -> Network.of(Map.of("BOWLINE_NETWORK", "10.0.0.0/99")));
        assertThrows(BowlineException.class, () -> Network.of(Map.of("BOWLINE_NETWORK", "10.0.0.x/8")));
        assertEquals(new Network.Interface("lo"), Network.of(Map.of("BOWLINE_NETWORK", "lo")));
        assertEquals(new Network.TowardsMaster(), Network.of(Map.of()));
    }

    /// A rank that fails between the collectives ends the others at their next one.
    @Test
    void aRankThatLeavesIsAFailureOfTheOthers() {
        List<String> problems = Ranks.parts(2, (rank, port) -> {
            try (PointerScope _ = new PointerScope();
                    ProcessGroup group = Ranks.join(Ranks.place(rank, 2, port), Ranks.TIMEOUT)) {
                if (rank == 1) {
                    return "left";
                }
                RankFailure lost = assertThrows(RankFailure.class, () -> {
                    while (true) {
                        group.allReduceSum(1);
                    }
                });
                assertThrows(RankFailure.class, () -> group.barrier("more"));
                return lost.problem();
            }
        });

        assertTrue(problems.getFirst().contains("lost the other ranks in allGather"), problems.getFirst());
    }
}
