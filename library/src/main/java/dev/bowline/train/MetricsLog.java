package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.files.AtomicFile;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/// `training.jsonl`, `validation.jsonl` and `evaluation.jsonl`: one row for each step, validation and evaluation,
/// written
/// to disk at once.
final class MetricsLog implements RunListener {

    private final Path training;
    private final Path validation;
    private final Path evaluation;

    MetricsLog(Path directory) {
        training = directory.resolve(RunFiles.TRAINING);
        validation = directory.resolve(RunFiles.VALIDATION);
        evaluation = directory.resolve(RunFiles.EVALUATION);
    }

    /// Removes the rows after `step`, because a run that resumes there takes these steps again, and an incomplete
    /// last row of a killed process.
    void goOnAfter(long step) {
        keepUpTo(training, step);
        keepUpTo(validation, step);
        keepUpTo(evaluation, step);
    }

    private static void keepUpTo(Path file, long step) {
        if (Files.notExists(file)) {
            return;
        }
        try {
            List<String> rows = Files.readAllLines(file);
            List<String> kept = rows.stream().filter(row -> isUpTo(row, step)).toList();
            if (kept.size() < rows.size()) {
                AtomicFile.write(file, String.join("\n", kept) + (kept.isEmpty() ? "" : "\n"));
            }
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    private static boolean isUpTo(String row, long step) {
        try {
            return Json.parse(row, "a row").asObject().requireLong("step") <= step;
        } catch (BowlineException _) {
            return false; // truncated when the process ended; no checkpoint has that step
        }
    }

    private static BowlineException unwritable(Path file, IOException e) {
        return new BowlineException(
                "%s cannot be written: %s".formatted(file, e.getMessage()),
                "point checkpoint.checkpoint_dir at a directory you may write to, or free disk space",
                e);
    }

    @Override
    public void stepTaken(StepResult step, long lastStep) {
        append(training, MetricsRow.of(step));
    }

    @Override
    public void validated(ValidationResult result) {
        append(validation, MetricsRow.of(result));
    }

    @Override
    public void evaluated(RunEvaluation result) {
        append(evaluation, MetricsRow.of(result));
    }

    private static void append(Path file, JsonObject row) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(
                    file,
                    Json.compact(row) + "\n",
                    StandardCharsets.UTF_8,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }
}
