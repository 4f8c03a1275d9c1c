package dev.bowline.report;

import dev.bowline.checkpoint.LoadReport;
import dev.bowline.memory.MemoryReport;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.train.FineTuningRun;
import dev.bowline.train.PreparedRun;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.SequencedMap;

/// The facts of a run that are known before its first step.
///
/// @param memory the estimate of the memory at the peak
/// @param trainedParameters the number of elements that the optimizer updates
/// @param lastStep the number of the last step of the training
/// @param resumedAt the steps that were taken before this process; 0 for a fresh start
/// @param environment programs and machine, by name
/// @param started when this process began to train
record RunFacts(
        RecipeFile file,
        MemoryReport memory,
        LoadReport load,
        long trainedParameters,
        long lastStep,
        long resumedAt,
        int ranks,
        SequencedMap<String, String> environment,
        List<String> notes,
        Instant started) {

    RunFacts {
        notes = List.copyOf(notes);
    }

    static RunFacts of(PreparedRun prepared, FineTuningRun run) {
        return new RunFacts(
                prepared.file(),
                prepared.memory(),
                run.loadReport(),
                run.trainedParameters(),
                run.tuning().plan().lastStep(),
                run.tuning().stepsTaken(),
                run.worldSize(),
                RunEnvironment.of(run.worldSize()),
                run.notes(),
                Instant.now());
    }

    /// The model that the run began with, before any resume.
    Path base() {
        return file.recipe().model().pretrainedModel();
    }

    Path directory() {
        return file.recipe().checkpoint().checkpointDir();
    }
}
