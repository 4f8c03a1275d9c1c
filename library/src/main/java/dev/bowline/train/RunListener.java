package dev.bowline.train;

import java.nio.file.Path;
import java.util.List;

/// Receives the events of a run on the thread that trains. Every method does nothing by default.
public interface RunListener {

    /// @param lastStep the number of the last step of the training
    default void stepTaken(StepResult step, long lastStep) {}

    default void validated(ValidationResult result) {}

    /// The model answered the questions of the recipe's section evaluate.
    default void evaluated(RunEvaluation result) {}

    /// A checkpoint is being written. Called at the start, and again as the number of written bytes grows.
    ///
    /// @param directory the checkpoint's path once it is complete
    /// @param written bytes of tensors so far
    /// @param of bytes of all tensors
    default void saving(Path directory, long written, long of) {}

    /// @param directory a whole Hugging Face checkpoint
    default void saved(Path directory) {}

    /// @param sentence a problem that does not end the run
    default void noted(String sentence) {}

    /// Passes every event to several listeners, in order.
    static RunListener all(List<RunListener> listeners) {
        return new RunListeners(List.copyOf(listeners));
    }

    /// Ignores every event.
    static RunListener silent() {
        return new RunListener() {};
    }
}
