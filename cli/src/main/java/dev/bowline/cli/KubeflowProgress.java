package dev.bowline.cli;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.train.RunListener;
import dev.bowline.train.StepResult;
import dev.bowline.train.ValidationResult;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// Tells Kubeflow Trainer the progress of a run in a TrainJob, as `trainerStatus`: percent, seconds left, loss,
/// held-out
/// loss and learning rate. Training does not wait for the server, and a server that fails changes nothing.
///
/// Source: Kubeflow Trainer v2, KEP-2779.
final class KubeflowProgress implements RunListener, AutoCloseable {

    private static final String URL = "KUBEFLOW_TRAINER_SERVER_URL";
    private static final String CA_CERT = "KUBEFLOW_TRAINER_SERVER_CA_CERT";
    private static final String TOKEN = "KUBEFLOW_TRAINER_SERVER_TOKEN";

    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    private final HttpClient client;
    private final URI url;
    private final Optional<Path> token;
    private final Duration interval;
    private final Map<String, String> metrics = new LinkedHashMap<>();
    private final long start = System.nanoTime();
    private long firstStep;
    private long sent = Long.MIN_VALUE;
    private CompletableFuture<?> travelling = CompletableFuture.completedFuture("");

    /// @param interval between two messages at least
    private KubeflowProgress(HttpClient client, URI url, Optional<Path> token, Duration interval) {
        this.client = client;
        this.url = url;
        this.token = token;
        this.interval = interval;
    }

    /// @return empty if the process is not in a TrainJob that takes progress, or if its variables cannot be used
    static Optional<KubeflowProgress> of(Map<String, String> environment) {
        return of(environment, Duration.ofSeconds(5));
    }

    static Optional<KubeflowProgress> of(Map<String, String> environment, Duration interval) {
        String server = environment.getOrDefault(URL, "");
        if (server.isEmpty()) {
            return Optional.empty();
        }
        try {
            HttpClient.Builder client = HttpClient.newBuilder().connectTimeout(TIMEOUT);
            String certificates = environment.getOrDefault(CA_CERT, "");
            if (!certificates.isEmpty()) {
                client.sslContext(trusting(Path.of(certificates)));
            }
            return Optional.of(new KubeflowProgress(
                    client.build(),
                    HttpRequest.newBuilder(URI.create(server)).build().uri(),
                    Optional.of(environment.getOrDefault(TOKEN, ""))
                            .filter(file -> !file.isEmpty())
                            .map(Path::of),
                    interval));
        } catch (IOException | GeneralSecurityException | IllegalArgumentException _) {
            return Optional.empty();
        }
    }

    private static SSLContext trusting(Path certificates) throws IOException, GeneralSecurityException {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream file = Files.newInputStream(certificates)) {
            int number = 0;
            for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                trusted.setCertificateEntry("ca-" + number++, each);
            }
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    @Override
    public void stepTaken(StepResult step, long lastStep) {
        if (firstStep == 0) {
            firstStep = step.step();
        }
        metrics.put("loss", Double.toString(step.loss()));
        metrics.put("learning_rate", Double.toString(step.learningRate()));
        boolean isLast = step.step() == lastStep;
        boolean isDue = sent == Long.MIN_VALUE || System.nanoTime() - sent >= interval.toNanos();
        if (isLast || isDue && travelling.isDone()) {
            send(step.step(), lastStep);
        }
    }

    @Override
    public void validated(ValidationResult result) {
        metrics.put("val_loss", Double.toString(result.loss()));
    }

    private void send(long step, long lastStep) {
        sent = System.nanoTime();
        double each = (sent - start) / 1e9 / (step - firstStep + 1);
        List<JsonValue> values = new ArrayList<>();
        metrics.forEach(
                (name, value) -> values.add(JsonObject.of().with("name", name).with("value", value)));
        JsonObject status = JsonObject.of()
                .with("progressPercentage", 100 * step / lastStep)
                .with("estimatedRemainingSeconds", Math.round(each * (lastStep - step)))
                .with("metrics", JsonValue.of(values))
                .with(
                        "lastUpdatedTime",
                        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        HttpRequest.Builder request = HttpRequest.newBuilder(url)
                .timeout(TIMEOUT)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(
                        Json.compact(JsonObject.of().with("trainerStatus", status))));
        bearer().ifPresent(value -> request.header("Authorization", value));
        travelling =
                client.sendAsync(request.build(), BodyHandlers.discarding()).exceptionally(_ -> null);
    }

    /// The file is read for each message, because the cluster renews the token.
    private Optional<String> bearer() {
        try {
            return token.isPresent()
                    ? Optional.of("Bearer " + Files.readString(token.get()).strip())
                    : Optional.empty();
        } catch (IOException _) {
            return Optional.empty();
        }
    }

    /// Waits for the last message, as long as a message may take.
    @Override
    public void close() {
        try {
            travelling.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException _) {
            // The server does not answer.
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        client.shutdownNow();
        client.close();
    }
}
