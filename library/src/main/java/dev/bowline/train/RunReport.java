package dev.bowline.train;

import dev.bowline.ties.TieLedger;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The result of a run.
///
/// @param outcome whether it reached its last step
/// @param lastStep the last step taken, if this run took any
/// @param lastValidation the last loss on held-out rows, if it was measured
/// @param checkpoint the last Hugging Face directory written, if any was
/// @param ties the ledger of that save, or of the load when nothing was saved
/// @param notes what was frozen, cut or left out, a sentence each
/// @param trainedParameters elements the optimizer updated, a tied value once
/// @param updates how far each part of the model moved since the run was opened; empty if no step was taken
/// @param experts how the routers spread the tokens of this run's steps; empty without experts
/// @param seconds of training, validation and saving
public record RunReport(
        Outcome outcome,
        Optional<StepResult> lastStep,
        Optional<ValidationResult> lastValidation,
        Optional<Path> checkpoint,
        TieLedger ties,
        List<String> notes,
        long trainedParameters,
        List<ComponentUpdate> updates,
        List<ExpertBalance> experts,
        double seconds) {

    /// How a run ended.
    public enum Outcome {
        FINISHED,
        /// It was asked to stop, finished its step and saved.
        STOPPED
    }

    public RunReport {
        notes = List.copyOf(notes);
        updates = List.copyOf(updates);
        experts = List.copyOf(experts);
    }
}
