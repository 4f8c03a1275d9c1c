package dev.bowline.train;

import dev.bowline.tracking.TensorBoardFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;

/// The figures of the metrics logs as event files of TensorBoard, under the same names.
///
/// The metrics logs have every figure, so a disk that refuses an event file ends no run: the run has a note.
final class TensorBoardLog implements RunListener {

    private static final String VALIDATION = "val_";

    private final Path directory;
    private final Consumer<String> note;
    private Optional<TensorBoardFile> file;

    /// @param stepsTaken the steps before those that follow; events of later steps in earlier files are replaced
    /// @param note receives the reason if the files cannot be written
    TensorBoardLog(Path checkpoints, long stepsTaken, Consumer<String> note) {
        directory = checkpoints.resolve(RunFiles.TENSORBOARD);
        this.note = note;
        try {
            file = Optional.of(TensorBoardFile.begin(directory, host(), stepsTaken + 1, Clock.systemUTC()));
        } catch (IOException e) {
            file = Optional.empty();
            refused(e);
        }
    }

    private static String host() {
        return Objects.requireNonNullElse(System.getenv("HOSTNAME"), "localhost");
    }

    @Override
    public void stepTaken(StepResult step, long lastStep) {
        write(step.step(), MetricsRow.figures(MetricsRow.of(step)));
    }

    @Override
    public void validated(ValidationResult result) {
        SequencedMap<String, Double> figures = MetricsRow.figures(MetricsRow.of(result));
        figures.keySet().removeIf(name -> !name.startsWith(VALIDATION)); // the step has the other names already
        write(result.step(), figures);
    }

    private void write(long step, SequencedMap<String, Double> figures) {
        try {
            if (file.isPresent()) {
                file.get().scalars(step, figures);
            }
        } catch (IOException e) {
            file = Optional.empty();
            refused(e);
        }
    }

    private void refused(IOException e) {
        note.accept("warning: the event files of TensorBoard in %s cannot be written, so they end here: %s"
                .formatted(directory, e));
    }
}
