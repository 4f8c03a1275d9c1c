package dev.bowline.tracking;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// A run of MLflow that receives the figures of a training.
///
/// A thread of its own talks to the server, so that the training never waits for it. Figures wait in memory while the
/// server cannot be reached, up to a limit; later ones are dropped.
public final class MlflowRun {

    private static final int BATCH = 1000;
    private static final int WAITING = 100_000;
    private static final int LONGEST_PARAM = 500;
    private static final int MOST_PARAMS = 100;

    private final Settings settings;
    private final MlflowServer server;
    private final Thread thread;
    private final Deque<JsonObject> waiting = new ArrayDeque<>();
    private final long started = System.currentTimeMillis();
    private long dropped;
    private Optional<String> id;
    private Optional<String> status = Optional.empty();
    private Optional<String> problem = Optional.empty();

    /// @param server such as `http://mlflow:5000`; without user and password
    /// @param run the name of the run
    /// @param existing the id of a run to continue; empty begins one
    /// @param params shown with the run, at most 100
    /// @param patience the longest time of a call, between two attempts, and for the last figures at the end
    public record Settings(
            URI server,
            String experiment,
            String run,
            Optional<String> existing,
            SequencedMap<String, String> params,
            Duration patience) {}

    private MlflowRun(Settings settings, MlflowServer server) {
        this.settings = settings;
        this.server = server;
        id = Optional.empty();
        thread = Thread.ofPlatform().daemon().name("mlflow").unstarted(this::deliver);
    }

    /// Begins a run, without waiting for the server.
    ///
    /// @param environment the variables of the process, which may have credentials
    public static MlflowRun begin(Settings settings, Map<String, String> environment) {
        MlflowRun run = new MlflowRun(settings, new MlflowServer(settings.server(), environment, settings.patience()));
        run.thread.start();
        return run;
    }

    /// Hands over the figures of one step. Never waits for the server. A figure that is not finite is left out.
    public synchronized void metrics(long step, Instant time, SequencedMap<String, Double> values) {
        values.forEach((name, value) -> {
            if (waiting.size() == WAITING) {
                dropped++;
            } else if (Double.isFinite(value)) {
                waiting.add(JsonObject.of()
                        .with("key", name)
                        .with("value", value)
                        .with("timestamp", time.toEpochMilli())
                        .with("step", step));
            }
        });
        notifyAll();
    }

    /// The id of the run; empty while the server did not give one.
    public synchronized Optional<String> id() {
        return id;
    }

    /// The reason why the server does not have the figures so far; empty while it has them.
    public synchronized Optional<String> problem() {
        return problem;
    }

    /// Hands over the end of the run, and waits for the last figures as long as the settings say.
    ///
    /// @param end `FINISHED`, `KILLED` or `FAILED`
    /// @return the reason if the server does not have all figures and the end
    public Optional<String> end(String end) {
        synchronized (this) {
            status = Optional.of(end);
            notifyAll();
        }
        try {
            thread.join(settings.patience());
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        server.close();
        synchronized (this) {
            if (dropped > 0) {
                return Optional.of("%d figures were dropped while it could not be reached".formatted(dropped));
            }
            return thread.isAlive() && problem.isEmpty()
                    ? Optional.of("it did not answer in %d s"
                            .formatted(settings.patience().toSeconds()))
                    : problem;
        }
    }

    private void deliver() {
        try {
            while (true) {
                boolean isLastTry = awaitWork();
                try {
                    String run = id().isPresent() ? id().get() : begun();
                    send(run);
                    solved();
                    if (isLastTry) {
                        server.end(run, end(), System.currentTimeMillis());
                        return;
                    }
                } catch (IOException e) {
                    failed(e);
                    if (isLastTry) {
                        return;
                    }
                    pause();
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        } catch (BowlineException | IllegalArgumentException e) {
            failed(e);
        }
    }

    private String begun() throws IOException, InterruptedException {
        String run;
        if (settings.existing().isPresent()
                && server.restart(settings.existing().get())) {
            run = settings.existing().get();
        } else {
            run = server.create(server.experiment(settings.experiment()), settings.run(), started);
            server.logBatch(run, List.of(), params());
        }
        synchronized (this) {
            id = Optional.of(run);
        }
        return run;
    }

    private SequencedMap<String, String> params() {
        SequencedMap<String, String> params = new LinkedHashMap<>();
        settings.params().forEach((key, value) -> {
            if (params.size() < MOST_PARAMS) {
                params.put(key, value.substring(0, Math.min(LONGEST_PARAM, value.length())));
            }
        });
        return params;
    }

    /// Sends what waits, in batches. A batch that is not sent waits on.
    private void send(String run) throws IOException, InterruptedException {
        List<JsonObject> batch = batch();
        while (!batch.isEmpty()) {
            server.logBatch(run, batch, Map.of());
            remove(batch.size());
            batch = batch();
        }
    }

    private synchronized List<JsonObject> batch() {
        return new ArrayList<>(waiting.stream().limit(BATCH).toList());
    }

    private synchronized void remove(int sent) {
        for (int i = 0; i < sent && !waiting.isEmpty(); i++) {
            waiting.removeFirst();
        }
    }

    /// @return true if the run has ended
    private synchronized boolean awaitWork() throws InterruptedException {
        while (waiting.isEmpty() && status.isEmpty()) {
            wait();
        }
        return status.isPresent();
    }

    private synchronized void pause() throws InterruptedException {
        long until = System.nanoTime() + settings.patience().toNanos();
        while (status.isEmpty() && System.nanoTime() < until) {
            wait(Math.max(1, (until - System.nanoTime()) / 1_000_000));
        }
    }

    private synchronized String end() {
        return status.orElseThrow();
    }

    private synchronized void solved() {
        problem = Optional.empty();
    }

    private synchronized void failed(Exception e) {
        String reason = e.getMessage();
        problem = Optional.of(reason == null ? e.getClass().getSimpleName() : reason);
    }
}
