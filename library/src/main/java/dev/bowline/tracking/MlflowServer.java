package dev.bowline.tracking;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The calls of MLflow's REST interface (`/api/2.0/mlflow`) that a run needs. Each call waits for the answer.
///
/// Credentials come from the environment as MLflow's own client reads it: `MLFLOW_TRACKING_USERNAME` with
/// `MLFLOW_TRACKING_PASSWORD`, or `MLFLOW_TRACKING_TOKEN`. No message contains them. A redirection is not followed,
/// because it could lead them to another server.
final class MlflowServer implements AutoCloseable {

    private static final String API = "/api/2.0/mlflow/";
    private static final int OK = 200;
    private static final int NOT_FOUND = 404;
    private static final int SHOWN = 200;

    private final URI server;
    private final Optional<String> authorization;
    private final Duration timeout;
    private final HttpClient client;

    /// @param environment the variables of the process
    /// @param timeout of each call
    MlflowServer(URI server, Map<String, String> environment, Duration timeout) {
        this.server = server;
        this.timeout = timeout;
        authorization = authorization(environment);
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(timeout)
                .build();
    }

    private static Optional<String> authorization(Map<String, String> environment) {
        String user = environment.getOrDefault("MLFLOW_TRACKING_USERNAME", "");
        String password = environment.getOrDefault("MLFLOW_TRACKING_PASSWORD", "");
        String token = environment.getOrDefault("MLFLOW_TRACKING_TOKEN", "");
        if (!user.isEmpty() && !password.isEmpty()) {
            byte[] pair = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
            return Optional.of("Basic " + Base64.getEncoder().encodeToString(pair));
        }
        return token.isEmpty() ? Optional.empty() : Optional.of("Bearer " + token);
    }

    /// The id of the experiment with this name, which is made if it does not exist.
    String experiment(String name) throws IOException, InterruptedException {
        HttpResponse<String> found = send(
                request("experiments/get-by-name?experiment_name=" + URLEncoder.encode(name, StandardCharsets.UTF_8))
                        .GET());
        if (found.statusCode() == NOT_FOUND) {
            return text(post("experiments/create", JsonObject.of().with("name", name)), "experiment_id");
        }
        return text(object(answer("experiments/get-by-name", found), "experiment"), "experiment_id");
    }

    /// Begins a run.
    ///
    /// @return the id of the run
    String create(String experiment, String name, long startMillis) throws IOException, InterruptedException {
        JsonObject created = post(
                "runs/create",
                JsonObject.of()
                        .with("experiment_id", experiment)
                        .with("run_name", name)
                        .with("start_time", startMillis)
                        .with("tags", pairs(Map.of("mlflow.runName", name, "mlflow.source.name", "bowline"))));
        return text(object(object(created, "run"), "info"), "run_id");
    }

    /// @param metrics at most 1,000
    /// @param params at most 100
    void logBatch(String run, List<JsonObject> metrics, Map<String, String> params)
            throws IOException, InterruptedException {
        post(
                "runs/log-batch",
                JsonObject.of()
                        .with("run_id", run)
                        .with("metrics", JsonValue.of(metrics))
                        .with("params", pairs(params)));
    }

    /// Continues a run that has ended or was cut off.
    ///
    /// @return false if the server does not know the run
    boolean restart(String run) throws IOException, InterruptedException {
        String call = "runs/update";
        HttpResponse<String> response =
                send(posting(call, JsonObject.of().with("run_id", run).with("status", "RUNNING")));
        if (response.statusCode() == NOT_FOUND) {
            return false;
        }
        answer(call, response);
        return true;
    }

    /// @param status `FINISHED`, `KILLED` or `FAILED`
    void end(String run, String status, long endMillis) throws IOException, InterruptedException {
        post(
                "runs/update",
                JsonObject.of().with("run_id", run).with("status", status).with("end_time", endMillis));
    }

    private static JsonArray pairs(Map<String, String> values) {
        return JsonValue.of(values.entrySet().stream()
                .map(entry -> JsonObject.of().with("key", entry.getKey()).with("value", entry.getValue()))
                .toList());
    }

    private JsonObject post(String call, JsonObject body) throws IOException, InterruptedException {
        return answer(call, send(posting(call, body)));
    }

    private HttpRequest.Builder posting(String call, JsonObject body) {
        return request(call)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(Json.compact(body)));
    }

    private HttpRequest.Builder request(String call) {
        String base = server.toString().replaceAll("/+$", "");
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + API + call)).timeout(timeout);
        authorization.ifPresent(value -> request.header("Authorization", value));
        return request;
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static JsonObject answer(String call, HttpResponse<String> response) throws IOException {
        if (response.statusCode() != OK) {
            String body = response.body();
            throw new IOException("%s was answered with status %d: %s"
                    .formatted(call, response.statusCode(), body.substring(0, Math.min(SHOWN, body.length()))));
        }
        try {
            return Json.parse(response.body(), call).asObject();
        } catch (BowlineException e) {
            throw new IOException("%s was not answered with JSON: %s".formatted(call, e.problem()), e);
        }
    }

    private static JsonObject object(JsonObject answer, String key) throws IOException {
        return answer.optionalObject(key).orElseThrow(() -> new IOException("an answer has no " + key));
    }

    private static String text(JsonObject answer, String key) throws IOException {
        return answer.optionalString(key).orElseThrow(() -> new IOException("an answer has no " + key));
    }

    /// Ends calls that wait.
    @Override
    public void close() {
        client.shutdownNow();
    }
}
