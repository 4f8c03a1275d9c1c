package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Optional;

/// The records of a run for people and programs that watch it, in addition to the metrics logs.
///
/// @param report true keeps `report.html` and `report.json`
/// @param tensorboard true writes event files of TensorBoard
/// @param mlflow the run of MLflow that gets the figures; empty without one
public record LoggingSection(boolean report, boolean tensorboard, Optional<Mlflow> mlflow) {

    /// A run of MLflow.
    ///
    /// @param trackingUri of the server; empty is that of the environment
    /// @param experimentName empty is MLflow's default experiment
    /// @param runName empty is the name of the checkpoint directory
    public record Mlflow(Optional<URI> trackingUri, Optional<String> experimentName, Optional<String> runName) {

        /// The address of a server.
        ///
        /// @return empty for text of another kind, and for an address with a user or a password, which a log or
        ///     a checkpoint would keep
        public static Optional<URI> server(String text) {
            try {
                URI uri = new URI(text);
                boolean isServer = ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                        && uri.getHost() != null
                        && uri.getUserInfo() == null
                        && uri.getQuery() == null;
                return isServer ? Optional.of(uri) : Optional.empty();
            } catch (URISyntaxException _) {
                return Optional.empty();
            }
        }
    }

    static final Section SECTION = new Section("logging");

    static final Key<Boolean> REPORT = SECTION.key(
            "report",
            TextTypes.trueOrFalse(),
            Default.of(true, "a run can be seen"),
            "Keeps report.html and report.json in the checkpoint directory, also while the run trains.");

    static final Key<Boolean> TENSORBOARD = SECTION.key(
            "tensorboard",
            TextTypes.trueOrFalse(),
            Default.of(false, "training.jsonl and validation.jsonl have every figure"),
            "Also writes the figures of training.jsonl and validation.jsonl as event files of TensorBoard, in"
                    + " `tensorboard` in the checkpoint directory.");

    static final Key<Optional<URI>> TRACKING_URI = SECTION.key(
            Names.of("mlflow.tracking_uri").autoModel("mlflow.tracking_uri"),
            server().optional(),
            Default.of(Optional.empty(), "no MLflow; with experiment_name, the variable MLFLOW_TRACKING_URI"),
            "Address of the MLflow server that gets the figures of the logs. Credentials are read from"
                    + " MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.");

    static final Key<Optional<String>> EXPERIMENT_NAME = SECTION.key(
            Names.of("mlflow.experiment_name").autoModel("mlflow.experiment_name"),
            TextTypes.name("a name", "gemma-support").optional(),
            Default.of(Optional.empty(), "MLflow's experiment Default"),
            "Experiment of MLflow, which is made if it does not exist.");

    static final Key<Optional<String>> RUN_NAME = SECTION.key(
            Names.of("mlflow.run_name").autoModel("mlflow.run_name"),
            KeyType.ofScalar(
                            "a name",
                            "one, such as first-try; empty text is the default",
                            scalar -> new KeyType.Valid<>(scalar.text()),
                            TextTypes::quoted)
                    .optional(),
            Default.of(Optional.empty(), "the name of the checkpoint directory"),
            "Name of the run in MLflow.");

    private static KeyType<URI> server() {
        return KeyType.ofScalar(
                "the address of a server, without user and password",
                "http://localhost:5000",
                scalar -> Mlflow.server(scalar.text())
                        .<KeyType.Parsed<URI>>map(KeyType.Valid::new)
                        .orElseGet(() -> new KeyType.Invalid<>("write an address such as http://localhost:5000, and put"
                                + " user and password into MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")),
                URI::toString);
    }

    static LoggingSection of(RecipeValues values) {
        Mlflow mlflow = new Mlflow(
                values.use(TRACKING_URI),
                values.use(EXPERIMENT_NAME),
                values.use(RUN_NAME).filter(name -> !name.isBlank()));
        boolean isAsked =
                mlflow.trackingUri().isPresent() || mlflow.experimentName().isPresent();
        return new LoggingSection(
                values.use(REPORT), values.use(TENSORBOARD), isAsked ? Optional.of(mlflow) : Optional.empty());
    }
}
