package dev.bowline.report;

import dev.bowline.BowlineException;
import dev.bowline.files.AtomicFile;
import dev.bowline.json.Json;
import dev.bowline.platform.ProcessMemory;
import dev.bowline.train.FineTuningRun;
import dev.bowline.train.PreparedRun;
import dev.bowline.train.RunEvaluation;
import dev.bowline.train.RunFiles;
import dev.bowline.train.RunListener;
import dev.bowline.train.RunReport;
import dev.bowline.train.StepResult;
import dev.bowline.train.ValidationResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/// A run that keeps `report.html` and `report.json` in its checkpoint directory: while it trains, at most every few
/// seconds, and when it ends. Each file is written aside and renamed, so that a reader sees whole files.
///
/// A report that cannot be written ends no run: the listener and the outcome have a note. `logging.report: false` in
/// the recipe leaves the report out. Over ranks, the first one writes it.
public final class ReportedRun {

    /// The pause between two writes, and its share of the time: writing takes at most one part in fifty.
    private static final Duration PAUSE = Duration.ofSeconds(3);

    private static final int SHARE = 50;

    private final FineTuningRun run;
    private final RunListener listener;
    private final RunHistory history;
    private final ExpertSampling sampling = new ExpertSampling();
    private final long stepsPerSample;
    private long nextWrite = System.nanoTime();
    private Optional<String> warning = Optional.empty();

    private ReportedRun(PreparedRun prepared, FineTuningRun run, RunListener listener) {
        this.run = run;
        this.listener = listener;
        RunFacts facts = RunFacts.of(prepared, run);
        history = new RunHistory(facts);
        stepsPerSample = Math.max(1, (facts.lastStep() - facts.resumedAt()) / RunHistory.EXPERT_POINTS);
    }

    /// Carries out a run.
    ///
    /// @param prepared the recipe that `run` was loaded from
    /// @param listener receives the events of the run
    public static RunReport of(PreparedRun prepared, FineTuningRun run, RunListener listener) {
        boolean isReported = prepared.file().recipe().logging().report() && run.isFirstRank();
        return isReported ? new ReportedRun(prepared, run, listener).carryOut() : run.run(listener);
    }

    private RunReport carryOut() {
        EarlierSteps.addTo(history);
        if (history.facts().resumedAt() > 0) {
            history.mark(new RunMark(
                    history.facts().resumedAt(),
                    RunMark.Kind.RESTART,
                    "resumed after step %d, %s"
                            .formatted(
                                    history.facts().resumedAt(), history.facts().started())));
        }
        writeIfDue();
        try {
            RunReport report = run.run(new Recording());
            history.ended(report);
            write();
            return warning.map(report::withNote).orElse(report);
        } catch (RuntimeException | Error e) {
            history.failed(e instanceof BowlineException failure ? failure.problem() : e.toString());
            write();
            throw e;
        }
    }

    private void writeIfDue() {
        if (System.nanoTime() >= nextWrite) {
            write();
        }
    }

    private void write() {
        long start = System.nanoTime();
        history.updated(Instant.now(), ProcessMemory.peak());
        Path directory = history.facts().directory();
        try {
            Files.createDirectories(directory);
            AtomicFile.write(
                    directory.resolve(RunFiles.REPORT_JSON), Json.compact(new RunPageJson().json(history)) + "\n");
            AtomicFile.write(directory.resolve(RunFiles.REPORT), new RunPageHtml().html(history));
        } catch (IOException | BowlineException e) {
            refused(directory, e);
        }
        long end = System.nanoTime();
        nextWrite = end + Math.max(PAUSE.toNanos(), SHARE * (end - start));
    }

    private void refused(Path directory, Exception e) {
        if (warning.isEmpty()) {
            String sentence =
                    "warning: the report of the run in %s was not written: %s".formatted(directory, e.getMessage());
            warning = Optional.of(sentence);
            listener.noted(sentence);
        }
    }

    /// Adds each event to the history, and passes it on.
    private final class Recording implements RunListener {

        @Override
        public void stepTaken(StepResult step, long lastStep) {
            listener.stepTaken(step, lastStep);
            history.add(step);
            if (step.step() % stepsPerSample == 0 || step.step() == lastStep) {
                history.addExperts(sampling.next(run.tuning().expertBalance()));
            }
            writeIfDue();
        }

        @Override
        public void validated(ValidationResult result) {
            listener.validated(result);
            history.add(result);
            writeIfDue();
        }

        @Override
        public void evaluated(RunEvaluation result) {
            listener.evaluated(result);
            history.add(result);
            writeIfDue();
        }

        @Override
        public void saving(Path directory, long written, long of) {
            listener.saving(directory, written, of);
        }

        @Override
        public void saved(Path directory) {
            listener.saved(directory);
            history.saved(directory);
            writeIfDue();
        }

        @Override
        public void noted(String sentence) {
            listener.noted(sentence);
            history.note(sentence);
        }
    }
}
