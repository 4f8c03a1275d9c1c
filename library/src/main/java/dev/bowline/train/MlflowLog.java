package dev.bowline.train;

import dev.bowline.recipe.LoggingSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tracking.MlflowRun;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;

/// The figures of the metrics logs as metrics of a run of MLflow, under the same names, and the recipe as its
/// parameters. A server that cannot be reached delays no step and ends no run: the run has a note.
final class MlflowLog implements RunListener {

    private static final String SERVER = "MLFLOW_TRACKING_URI";
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final String VALIDATION = "val_";

    private final URI server;
    private final MlflowRun run;
    private final Consumer<String> note;
    private final Path idFile;
    private boolean isNoted;
    private boolean hasFile;

    private MlflowLog(URI server, MlflowRun run, Path idFile, Consumer<String> note) {
        this.idFile = idFile;
        this.server = server;
        this.run = run;
        this.note = note;
    }

    /// @param stepsTaken the steps before those that follow; with some, the run of MLflow of these steps is continued
    /// @param note receives the reason if the server does not get the figures
    /// @return empty for a recipe without MLflow
    static Optional<MlflowLog> begin(
            RecipeFile file, long stepsTaken, Map<String, String> environment, Consumer<String> note) {
        Recipe recipe = file.recipe();
        Optional<LoggingSection.Mlflow> section = recipe.logging().mlflow();
        if (section.isEmpty()) {
            return Optional.empty();
        }
        Optional<URI> server = section.get().trackingUri().or(() -> fromEnvironment(environment));
        if (server.isEmpty()) {
            note.accept("warning: MLflow gets no figures: logging.mlflow.tracking_uri is not set, and " + SERVER
                    + " is not the address of a server without user and password");
            return Optional.empty();
        }
        Path directory = recipe.checkpoint().checkpointDir();
        MlflowRun.Settings settings = new MlflowRun.Settings(
                server.get(),
                section.get().experimentName().orElse("Default"),
                section.get().runName().orElseGet(() -> String.valueOf(directory.getFileName())),
                existing(directory.resolve(RunFiles.MLFLOW_RUN_ID), stepsTaken),
                params(file),
                PATIENCE);
        return Optional.of(new MlflowLog(
                server.get(), MlflowRun.begin(settings, environment), directory.resolve(RunFiles.MLFLOW_RUN_ID), note));
    }

    private static Optional<String> existing(Path file, long stepsTaken) {
        if (stepsTaken == 0 || !Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(file).strip()).filter(id -> !id.isEmpty());
        } catch (IOException _) {
            return Optional.empty(); // a new run of MLflow has the steps from here on
        }
    }

    private static Optional<URI> fromEnvironment(Map<String, String> environment) {
        return LoggingSection.Mlflow.server(environment.getOrDefault(SERVER, ""));
    }

    /// The values that the recipe gives itself.
    private static SequencedMap<String, String> params(RecipeFile file) {
        SequencedMap<String, String> params = new LinkedHashMap<>();
        file.settings().settings().stream()
                .filter(setting -> setting.origin().isGiven())
                .forEach(setting -> setting.value().ifPresent(value -> params.put(setting.key(), value)));
        return params;
    }

    @Override
    public void stepTaken(StepResult step, long lastStep) {
        run.metrics(step.step(), Instant.now(), MetricsRow.figures(MetricsRow.of(step)));
        keepId();
        noteProblem();
    }

    @Override
    public void validated(ValidationResult result) {
        SequencedMap<String, Double> figures = MetricsRow.figures(MetricsRow.of(result));
        figures.keySet().removeIf(name -> !name.startsWith(VALIDATION)); // the step has the other names already
        run.metrics(result.step(), Instant.now(), figures);
    }

    private void keepId() {
        if (hasFile || run.id().isEmpty()) {
            return;
        }
        hasFile = true;
        try {
            Files.createDirectories(idFile.toAbsolutePath().getParent());
            Files.writeString(idFile, run.id().get() + "\n");
        } catch (IOException e) {
            note.accept("warning: %s was not written, so a resumed training begins a new run of MLflow: %s"
                    .formatted(idFile, e));
        }
    }

    private void noteProblem() {
        if (!isNoted) {
            run.problem().ifPresent(reason -> {
                isNoted = true;
                note.accept("warning: MLflow at %s does not get the figures, and is asked again until the run ends: %s"
                        .formatted(server, reason));
            });
        }
    }

    void ended(RunReport.Outcome outcome) {
        end(
                switch (outcome) {
                    case FINISHED -> "FINISHED";
                    case STOPPED -> "KILLED";
                });
    }

    void failed() {
        end("FAILED");
    }

    private void end(String status) {
        Optional<String> missing = run.end(status);
        keepId();
        missing.ifPresent(reason -> note.accept(
                "warning: MLflow at %s does not have all figures of the run: %s".formatted(server, reason)));
    }
}
