package dev.bowline.cli;

import dev.bowline.cli.Interruption.Cause;
import dev.bowline.recipe.CheckpointSection;
import dev.bowline.train.FineTuningRun;

/// The effect of a signal on a fine-tuning run: a signal before the first step ends the process, a signal between steps
/// asks the run to save and stop, and a signal after the run has no effect, because everything is saved.
final class StopOnSignal implements AutoCloseable {

    private sealed interface Stage {
        /// Reads, checks and loads.
        record Preparing() implements Stage {}

        /// Takes steps, validates and saves.
        record Training(FineTuningRun run, CheckpointSection checkpoint) implements Stage {}

        /// The run has ended.
        record Trained() implements Stage {}
    }

    private final Console console;
    private volatile Stage stage = new Stage.Preparing();
    private final Interruption.Registration registration;

    private StopOnSignal(Console console) {
        this.console = console;
        registration = Interruption.handledBy(this::received);
    }

    static StopOnSignal watch(Console console) {
        return new StopOnSignal(console);
    }

    void training(FineTuningRun run, CheckpointSection checkpoint) {
        stage = new Stage.Training(run, checkpoint);
    }

    void trainable() {
        stage = new Stage.Trained();
    }

    private void received(Cause cause) {
        switch (stage) {
            case Stage.Preparing _ -> {
                console.note("\nended by %s before the first step: nothing was trained, so nothing was saved"
                        .formatted(cause));
                Interruption.end(console, cause);
            }
            case Stage.Training(FineTuningRun run, CheckpointSection checkpoint) -> {
                // First, because a terminal that does not read would hold up the note.
                run.requestStop();
                console.note("\n%s: finishing this step%s; kill -9 ends at once and saves nothing"
                        .formatted(
                                cause,
                                checkpoint.enabled()
                                        ? ", then saving"
                                        : "; checkpoint.enabled is false, so nothing will be saved"));
            }
            case Stage.Trained _ -> {}
        }
    }

    @Override
    public void close() {
        registration.close();
    }
}
