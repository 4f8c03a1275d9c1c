package dev.bowline.tracking;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// A server that answers as MLflow's REST interface does, and records the calls. It knows no experiment at the start.
public final class RecordedMlflow implements AutoCloseable {

    private static final String API = "/api/2.0/mlflow/";

    private final HttpServer server;
    private final List<Call> calls = new ArrayList<>();
    private int failures;

    /// @param name of the call, such as `runs/create`
    /// @param authorization the header, or the empty text
    public record Call(String name, JsonObject body, String authorization) {}

    private RecordedMlflow(HttpServer server, int failures) {
        this.server = server;
        this.failures = failures;
    }

    /// @param failures the number of calls that are answered with status 503 first
    public static RecordedMlflow start(int failures) {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            RecordedMlflow recorded = new RecordedMlflow(server, failures);
            server.createContext("/", recorded::answer);
            server.start();
            return recorded;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public URI uri() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    public synchronized List<Call> calls() {
        return List.copyOf(calls);
    }

    public List<Call> calls(String name) {
        return calls().stream().filter(call -> call.name().equals(name)).toList();
    }

    /// The metrics of all batches: key, step and value.
    public List<String> metrics() {
        return calls("runs/log-batch").stream()
                .flatMap(call -> call.body().requireArray("metrics").objects().stream())
                .map(metric -> "%s %d %s"
                        .formatted(
                                metric.requireString("key"), metric.requireLong("step"), metric.requireDouble("value")))
                .toList();
    }

    private synchronized void answer(HttpExchange exchange) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        String name = exchange.getRequestURI().getPath().substring(API.length());
        if (failures > 0) {
            failures--;
            reply(exchange, 503, "busy");
            return;
        }
        String authorization = exchange.getRequestHeaders().getFirst("Authorization");
        calls.add(new Call(
                name,
                body.isEmpty() ? JsonObject.of() : Json.parse(body, name).asObject(),
                authorization == null ? "" : authorization));
        switch (name) {
            case "experiments/get-by-name" ->
                reply(exchange, 404, "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\", \"message\": \"none\"}");
            case "experiments/create" -> reply(exchange, 200, "{\"experiment_id\": \"7\"}");
            case "runs/create" -> reply(exchange, 200, "{\"run\": {\"info\": {\"run_id\": \"abc\"}, \"data\": {}}}");
            default -> reply(exchange, 200, "{}");
        }
    }

    private static void reply(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
