package dev.bowline.train;

import dev.bowline.files.PartialName;
import java.util.Set;

/// The names of a run's files in its checkpoint directory, next to the checkpoints.
public final class RunFiles {

    /// A row of JSON for each step.
    public static final String TRAINING = "training.jsonl";

    /// A row of JSON for each validation.
    public static final String VALIDATION = "validation.jsonl";

    /// A row for each evaluation.
    public static final String EVALUATION = "evaluation.jsonl";

    /// The report for people.
    public static final String REPORT = "report.html";

    /// The report for programs.
    public static final String REPORT_JSON = "report.json";

    /// The directory of the event files of TensorBoard.
    static final String TENSORBOARD = "tensorboard";

    /// The id of the run of MLflow, for a run that resumes; NeMo AutoModel has the same file.
    static final String MLFLOW_RUN_ID = "mlflow_run_id";

    private static final Set<String> ALL =
            Set.of(TRAINING, VALIDATION, EVALUATION, REPORT, REPORT_JSON, TENSORBOARD, MLFLOW_RUN_ID);

    private RunFiles() {}

    /// True for a file of a run, and for a partly written one of a killed process.
    static boolean isOfRun(String name) {
        return ALL.contains(name) || (name.endsWith(PartialName.SUFFIX) && isPartOfOne(name));
    }

    private static boolean isPartOfOne(String name) {
        return ALL.stream().anyMatch(each -> name.startsWith("." + each + "."));
    }
}
