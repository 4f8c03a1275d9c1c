package dev.bowline.train;

import java.nio.file.Path;

/// Told what happens in a run, as it happens, on the thread that trains. Every method does nothing by default.
public interface RunListener {

    /// @param lastStep the step after which training is done
    default void stepTaken(StepResult step, long lastStep) {}

    default void validated(ValidationResult result) {}

    /// A checkpoint is being written; called at the start and again as it grows.
    ///
    /// @param directory where it will be
    /// @param written bytes of tensors
    /// @param of all of them
    default void saving(Path directory, long written, long of) {}

    /// @param directory a whole Hugging Face checkpoint
    default void saved(Path directory) {}

    /// @param sentence what is not as it should be and does not end the run
    default void noted(String sentence) {}

    /// Hears nothing.
    static RunListener silent() {
        return new RunListener() {};
    }
}
