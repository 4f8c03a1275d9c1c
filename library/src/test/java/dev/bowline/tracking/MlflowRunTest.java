package dev.bowline.tracking;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/// A run of MLflow gets its parameters, its figures and its end, and no failure of the server reaches the training.
class MlflowRunTest {

    private static final Map<String, String> SECRETS = Map.of(
            "MLFLOW_TRACKING_USERNAME", "ada", "MLFLOW_TRACKING_PASSWORD", "hunter2", "MLFLOW_TRACKING_TOKEN", "t");

    private static MlflowRun begin(URI server, Duration patience, Map<String, String> environment) {
        return MlflowRun.begin(
                new MlflowRun.Settings(
                        server,
                        "söme & name",
                        "first",
                        Optional.empty(),
                        new LinkedHashMap<>(Map.of("seed", "1".repeat(600))),
                        patience),
                environment);
    }

    private static SequencedMap<String, Double> loss(double value) {
        return new LinkedHashMap<>(Map.of("loss", value));
    }

    @Test
    void aServerGetsTheWholeRun() {
        try (RecordedMlflow server = RecordedMlflow.start(0)) {
            MlflowRun run = begin(server.uri(), Duration.ofSeconds(60), SECRETS);
            for (long step = 1; step <= 2500; step++) {
                run.metrics(step, Instant.ofEpochMilli(step), loss(step / 2.0));
            }
            run.metrics(2501, Instant.EPOCH, loss(Double.NaN));

            assertEquals(Optional.empty(), run.end("FINISHED"));

            List<String> names = server.calls().stream()
                    .map(RecordedMlflow.Call::name)
                    .distinct()
                    .toList();
            assertEquals(
                    List.of(
                            "experiments/get-by-name",
                            "experiments/create",
                            "runs/create",
                            "runs/log-batch",
                            "runs/update"),
                    names);
            assertEquals(
                    LongStream.rangeClosed(1, 2500)
                            .mapToObj(step -> "loss %d %s".formatted(step, step / 2.0))
                            .toList(),
                    server.metrics());
            assertTrue(server.calls("runs/log-batch").stream()
                    .allMatch(call -> call.body().requireArray("metrics").size() <= 1000));
            assertEquals(
                    "söme & name",
                    server.calls("experiments/create").getFirst().body().requireString("name"));
            assertEquals("7", server.calls("runs/create").getFirst().body().requireString("experiment_id"));
            assertEquals(
                    500,
                    server.calls("runs/log-batch")
                            .getFirst()
                            .body()
                            .requireArray("params")
                            .objects()
                            .getFirst()
                            .requireString("value")
                            .length());
            RecordedMlflow.Call last = server.calls().getLast();
            assertEquals(
                    "runs/update abc FINISHED",
                    last.name() + " " + last.body().requireString("run_id") + " "
                            + last.body().requireString("status"));
            // "ada:hunter2"; a user and a password come before a token, as in MLflow's client
            assertTrue(server.calls().stream()
                    .allMatch(call -> call.authorization().equals("Basic YWRhOmh1bnRlcjI=")));
        }
    }

    @Test
    void aServerThatFailsForAWhileGetsEveryFigureLater() {
        try (RecordedMlflow server = RecordedMlflow.start(2)) {
            MlflowRun run = begin(server.uri(), Duration.ofMillis(20), Map.of("MLFLOW_TRACKING_TOKEN", "t"));
            run.metrics(1, Instant.EPOCH, loss(0.5));
            while (server.metrics().isEmpty()) {
                Thread.onSpinWait();
            }
            run.metrics(2, Instant.EPOCH, loss(0.25));
            while (server.metrics().size() < 2) {
                Thread.onSpinWait();
            }

            assertEquals(List.of("loss 1 0.5", "loss 2 0.25"), server.metrics());
            assertEquals("Bearer t", server.calls().getFirst().authorization());
            run.end("KILLED");
        }
    }

    @Test
    void aServerThatIsNotThereIsAReasonAtTheEnd() throws IOException {
        URI nobody = URI.create("http://127.0.0.1:" + freePort());
        MlflowRun run = begin(nobody, Duration.ofSeconds(60), SECRETS);
        run.metrics(1, Instant.EPOCH, loss(0.5));

        Optional<String> reason = run.end("FINISHED");

        assertTrue(reason.isPresent());
        assertFalse(reason.get().contains("hunter2"));
    }

    @Test
    void aServerThatNeverAnswersDoesNotHoldUpTheEnd() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            MlflowRun run =
                    begin(URI.create("http://127.0.0.1:" + silent.getLocalPort()), Duration.ofMillis(200), SECRETS);
            run.metrics(1, Instant.EPOCH, loss(0.5));

            assertTrue(run.end("FINISHED").isPresent());
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
