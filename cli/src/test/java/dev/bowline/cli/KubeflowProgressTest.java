package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.train.StepResult;
import dev.bowline.train.ValidationResult;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The progress that a server of Kubeflow Trainer receives, and a server that fails.
class KubeflowProgressTest {

    /// A message, as the server received it.
    private record Received(String method, String authorization, JsonObject body) {}

    @TempDir
    private Path directory;

    private HttpServer server;
    private final List<Received> received = Collections.synchronizedList(new ArrayList<>());
    private int answer = 200;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/status", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            received.add(new Received(
                    exchange.getRequestMethod(),
                    String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")),
                    Json.parse(body, "the message").asObject()));
            exchange.sendResponseHeaders(answer, -1);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private Map<String, String> environment(Path token) {
        return Map.of(
                "KUBEFLOW_TRAINER_SERVER_URL",
                "http://127.0.0.1:%d/status".formatted(server.getAddress().getPort()),
                "KUBEFLOW_TRAINER_SERVER_TOKEN",
                token.toString());
    }

    private static StepResult step(long number) {
        return new StepResult(number, 0, 2.5, 1, 1e-3, 100, 100, 0.1);
    }

    @Test
    void theServerReceivesPercentMetricsAndTheTokenOfTheMoment() throws IOException {
        Path token = Files.writeString(directory.resolve("token"), "first\n");
        try (KubeflowProgress progress =
                KubeflowProgress.of(environment(token), Duration.ofDays(1)).orElseThrow()) {
            progress.stepTaken(step(1), 4);
            Files.writeString(token, "second\n");
            progress.stepTaken(step(2), 4);
            progress.validated(new ValidationResult(2, 0, 1.5, 1e-3, 10));
            progress.stepTaken(step(3), 4);
            progress.stepTaken(step(4), 4);
        }

        List<Received> messages = received.stream()
                .sorted((a, b) -> Long.compare(percent(a), percent(b)))
                .toList();
        assertEquals(2, messages.size(), "the first step and the last: the interval has not passed for the others");
        assertEquals(
                List.of("POST", "POST"), messages.stream().map(Received::method).toList());
        assertEquals(
                List.of("Bearer first", "Bearer second"),
                messages.stream().map(Received::authorization).toList());
        assertEquals(
                List.of(25L, 100L),
                messages.stream().map(KubeflowProgressTest::percent).toList());
        JsonObject status = messages.getLast().body().requireObject("trainerStatus");
        assertEquals(0, status.requireLong("estimatedRemainingSeconds"));
        assertTrue(status.requireString("lastUpdatedTime").matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ"));
        assertEquals(
                "[{\"name\":\"loss\",\"value\":\"2.5\"},{\"name\":\"learning_rate\",\"value\":\"0.001\"},"
                        + "{\"name\":\"val_loss\",\"value\":\"1.5\"}]",
                Json.compact(status.require("metrics")));
    }

    private static long percent(Received message) {
        return message.body().requireObject("trainerStatus").requireLong("progressPercentage");
    }

    @Test
    void aServerThatFailsOrIsGoneChangesNothing() throws IOException {
        answer = 500;
        Path missing = directory.resolve("missing");
        try (KubeflowProgress progress =
                KubeflowProgress.of(environment(missing), Duration.ZERO).orElseThrow()) {
            progress.stepTaken(step(1), 2);
            progress.stepTaken(step(2), 2);
        }
        assertTrue(!received.isEmpty());
        server.stop(0);
        try (KubeflowProgress progress =
                KubeflowProgress.of(environment(missing), Duration.ZERO).orElseThrow()) {
            progress.stepTaken(step(1), 2);
            progress.stepTaken(step(2), 2);
        }
    }

    @Test
    void aProcessOutsideOfATrainJobTellsNobody() {
        assertEquals(Optional.empty(), KubeflowProgress.of(Map.of()));
        assertEquals(Optional.empty(), KubeflowProgress.of(Map.of("KUBEFLOW_TRAINER_SERVER_URL", "no address")));
        assertEquals(
                Optional.empty(),
                KubeflowProgress.of(Map.of(
                        "KUBEFLOW_TRAINER_SERVER_URL",
                        "https://127.0.0.1/status",
                        "KUBEFLOW_TRAINER_SERVER_CA_CERT",
                        directory.resolve("missing").toString())));
    }
}
