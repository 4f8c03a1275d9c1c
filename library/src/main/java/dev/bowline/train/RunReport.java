package dev.bowline.train;

import dev.bowline.ties.TieLedger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The result of a run.
///
/// @param outcome the end of the run
/// @param lastStep the last step taken, if this run took any
/// @param lastValidation the last loss on held-out rows, if it was measured
/// @param checkpoint the last checkpoint written, if there is one: a Hugging Face directory, or a PEFT adapter
/// @param base the frozen base model, if the run trained an adapter
/// @param ties the ledger of that save, or of the load if nothing was saved
/// @param notes one sentence for each component that was frozen, and for each group of examples that was cut or
///     left out
/// @param trainedParameters the number of elements that the optimizer updated; a tied value counts once
/// @param updates the change of the weights of each component since the run was opened; empty if no step was
///     taken
/// @param experts the load of the experts in this run's steps; empty without experts
/// @param seconds the time of training, validation and saving
public record RunReport(
        Outcome outcome,
        Optional<StepResult> lastStep,
        Optional<ValidationResult> lastValidation,
        Optional<Path> checkpoint,
        Optional<Path> base,
        TieLedger ties,
        List<String> notes,
        long trainedParameters,
        List<ComponentUpdate> updates,
        List<ExpertBalance> experts,
        double seconds) {

    /// The end of a run.
    public enum Outcome {
        FINISHED,
        /// The run was asked to stop, finished its step and saved.
        STOPPED
    }

    public RunReport {
        notes = List.copyOf(notes);
        updates = List.copyOf(updates);
        experts = List.copyOf(experts);
    }

    /// The same report with one more note.
    public RunReport withNote(String note) {
        List<String> all = new ArrayList<>(notes);
        all.add(note);
        return new RunReport(
                outcome,
                lastStep,
                lastValidation,
                checkpoint,
                base,
                ties,
                all,
                trainedParameters,
                updates,
                experts,
                seconds);
    }
}
