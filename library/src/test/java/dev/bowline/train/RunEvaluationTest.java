package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.distributed.Ranks;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The answers of a model in a run of a recipe: the scores, the best checkpoint, the early end, and no effect on the
/// training.
class RunEvaluationTest {

    private static final String[] EVALUATE = {
        "evaluate.every_steps=2",
        "evaluate.limit=3",
        "evaluate.max_new_tokens=4",
        "evaluate.metrics=[exact_match, stop_rate, perplexity]",
        "evaluate.samples=2",
        "evaluate.max_share=0.999",
        "step_scheduler.max_steps=4"
    };

    @TempDir
    private Path directory;

    private DemoRuns runs;

    @BeforeEach
    void start() {
        runs = new DemoRuns(directory);
    }

    /// Keeps the evaluations of a run.
    private static final class Kept implements RunListener {
        private final List<RunEvaluation> evaluations = new ArrayList<>();

        @Override
        public void evaluated(RunEvaluation result) {
            evaluations.add(result);
        }
    }

    private Kept run(String name, String dtype, String... more) {
        Kept kept = new Kept();
        try (FineTuningRun run = runs.open(name, dtype, more)) {
            run.run(kept);
        }
        return kept;
    }

    private boolean same(String one, String other, String file) throws IOException {
        return Arrays.equals(
                Files.readAllBytes(directory.resolve(one).resolve(file)),
                Files.readAllBytes(directory.resolve(other).resolve(file)));
    }

    private static double perplexity(RunEvaluation result) {
        return Objects.requireNonNull(result.scores().get("perplexity"));
    }

    private static String[] with(String... more) {
        return DemoRuns.with(EVALUATE, more);
    }

    @ParameterizedTest
    @ValueSource(strings = {"float32", "bfloat16"})
    void anEvaluationChangesNothingInTheTraining(String dtype) throws IOException {
        runs.run("without", dtype, "step_scheduler.max_steps=4");
        Kept kept = run("evaluated", dtype, EVALUATE);

        assertTrue(same("without", "evaluated", "step_4/model.safetensors"));
        assertTrue(same("without", "evaluated", "step_4/optimizer.safetensors"));
        assertEquals(
                List.of(0L, 2L, 4L),
                kept.evaluations.stream().map(RunEvaluation::step).toList());
        RunEvaluation base = kept.evaluations.getFirst();
        RunEvaluation last = kept.evaluations.getLast();
        assertTrue(base.base().isEmpty());
        assertEquals(base.scores(), last.base());
        assertEquals(
                List.of("exact_match", "stop_rate", "perplexity"),
                List.copyOf(last.scores().keySet()));
        assertTrue(perplexity(last) < perplexity(base), "training helps");
        assertEquals(2, last.samples().size());
        assertEquals(
                Optional.of(base.samples().getLast().answer()),
                last.samples().getLast().base());
        assertEachIsARow(kept.evaluations, runs.rows("evaluated", "evaluation.jsonl"));
    }

    private static void assertEachIsARow(List<RunEvaluation> told, List<JsonObject> rows) {
        assertEquals(told.size(), rows.size());
        for (int i = 0; i < rows.size(); i++) {
            assertEquals(told.get(i).step(), rows.get(i).requireLong("step"));
            assertEquals(told.get(i).scores().get("perplexity"), rows.get(i).requireDouble("perplexity"));
            assertEquals(3, rows.get(i).requireInt("questions"));
        }
        String samples = Json.compact(rows.getLast().require("samples"));
        assertTrue(samples.contains("\"expected\":"), samples);
    }

    @Test
    void theCheckpointWithTheBestScoreStays() throws IOException {
        String[] worse = with(
                "evaluate.keep_best=perplexity",
                "step_scheduler.ckpt_every_steps=2",
                "checkpoint.max_recent_checkpoints=1",
                "optimizer.lr=0.3",
                "step_scheduler.max_steps=8");
        Kept kept = run("best", "float32", worse);

        long best = kept.evaluations.stream()
                .skip(1)
                .min((a, b) -> Double.compare(perplexity(a), perplexity(b)))
                .orElseThrow()
                .step();
        assertTrue(best < 8, "a rate of 0.3 makes the model worse: " + kept.evaluations);
        assertTrue(Files.isDirectory(directory.resolve("best/step_" + best)));
        assertTrue(Files.isDirectory(directory.resolve("best/step_8")));
        try (var left = Files.list(directory.resolve("best"))) {
            assertEquals(
                    2,
                    left.filter(path -> path.getFileName().toString().startsWith("step_"))
                            .count());
        }
    }

    /// With a rate of almost zero and a threshold, no score is better than the first. A resumed run knows the scores
    /// before the first step, the best score, and the evaluations without a better one.
    @Test
    void aRunEndsEarlyWhenTheScoreStaysAlsoAfterAResume() throws IOException {
        String[] patient = with(
                "evaluate.keep_best=perplexity",
                "evaluate.early_stopping_patience=2",
                "evaluate.early_stopping_threshold=0.01",
                "optimizer.lr=1e-9");
        Kept first = run("resumed", "float32", patient);
        Kept second = new Kept();
        RunReport report;
        try (FineTuningRun run = runs.open(
                "resumed",
                "float32",
                DemoRuns.with(patient, "step_scheduler.max_steps=20", "checkpoint.restore_from=LATEST"))) {
            report = run.run(second);
        }

        assertEquals(
                List.of(6L),
                second.evaluations.stream().map(RunEvaluation::step).toList());
        assertEquals(
                first.evaluations.getFirst().scores(),
                second.evaluations.getFirst().base());
        assertEquals(4, runs.rows("resumed", "evaluation.jsonl").size());
        assertEquals(6, report.lastStep().orElseThrow().step());
        assertEquals(RunReport.Outcome.FINISHED, report.outcome());
        assertTrue(
                report.notes().stream().anyMatch(note -> note.contains("the run ends early, after step 6: perplexity")),
                report.notes().toString());
        assertTrue(Files.isDirectory(directory.resolve("resumed/step_6")));
        assertAnotherScoreBeginsAnew(patient);
    }

    /// A run that is over says so again, and another score has no best value yet.
    private void assertAnotherScoreBeginsAnew(String[] patient) {
        String[] again = DemoRuns.with(patient, "step_scheduler.max_steps=20", "checkpoint.restore_from=LATEST");
        RunReport over = runs.run("resumed", "float32", again);
        RunReport other = runs.run("resumed", "float32", DemoRuns.with(again, "evaluate.keep_best=stop_rate"));

        assertTrue(over.lastStep().isEmpty());
        assertTrue(
                over.notes().stream().anyMatch(note -> note.contains("raise evaluate.early_stopping_patience")),
                over.notes().toString());
        assertEquals(12, other.lastStep().orElseThrow().step(), "best at step 8, then two without a gain");
    }

    /// The time for evaluations bounds them, but for the first and the last.
    @Test
    void anEvaluationWithoutTimeIsLeftOut() throws IOException {
        Kept kept = run("short", "float32", with("evaluate.max_share=0.000001", "step_scheduler.max_steps=6"));

        assertEquals(
                List.of(0L, 6L),
                kept.evaluations.stream().map(RunEvaluation::step).toList());
    }

    /// The time that is left is for saving.
    @Test
    void aRequestedStopEndsAnEvaluation() throws IOException {
        List<Long> evaluated = new ArrayList<>();
        RunReport report;
        try (FineTuningRun run = runs.open("stopped", "float32", with("step_scheduler.max_steps=6"))) {
            report = run.run(new RunListener() {
                @Override
                public void stepTaken(StepResult step, long lastStep) {
                    if (step.step() == 4) {
                        run.requestStop();
                    }
                }

                @Override
                public void evaluated(RunEvaluation result) {
                    evaluated.add(result.step());
                }
            });
        }

        assertEquals(List.of(0L, 2L), evaluated);
        assertEquals(RunReport.Outcome.STOPPED, report.outcome());
        assertTrue(Files.isDirectory(directory.resolve("stopped/step_4")));
    }

    /// The first rank answers with weights that all ranks have, or that they divide, with experts that they share.
    @Test
    void ranksEvaluateAsOneProcess() throws IOException {
        String[] sets = with("step_scheduler.ckpt_every_steps=2", "evaluate.limit=2");
        Kept one = new Kept();
        Ranks.run(1, group -> {
            try (FineTuningRun run = FineTuningRun.open(recipe("one", sets), group)) {
                return run.run(one);
            }
        });
        for (String set : List.of("distributed.strategy=ddp", "distributed.ep_size=2")) {
            Kept two = new Kept();
            String name = set.replace('.', '_');
            Ranks.run(2, group -> {
                try (FineTuningRun run = FineTuningRun.open(recipe(name, DemoRuns.with(sets, set)), group)) {
                    return run.run(group.isFirst() ? two : RunListener.silent());
                }
            });

            assertEquals(
                    one.evaluations.stream().map(RunEvaluation::scores).toList(),
                    two.evaluations.stream().map(RunEvaluation::scores).toList());
            assertTrue(same("one", name, "step_4/model.safetensors"));
            assertTrue(same("one", name, "step_4/training_state.json"));
        }
    }

    private RecipeFile recipe(String name, String... more) {
        List<String> sets = new ArrayList<>(List.of(
                "checkpoint.checkpoint_dir=" + directory.resolve(name).toAbsolutePath(),
                "dataset.limit_dataset_samples=40",
                "validation_dataset.limit_dataset_samples=4",
                "step_scheduler.global_batch_size=4",
                "step_scheduler.local_batch_size=2",
                "lr_scheduler.lr_warmup_steps=1",
                "lr_scheduler.lr_decay_steps=10"));
        sets.addAll(List.of(more));
        return RecipeFile.load(DemoRuns.RECIPE, sets);
    }

    @Test
    void textsWithoutQuestionsAreRefusedBeforeTheFirstStep() throws IOException {
        Path texts = Files.writeString(directory.resolve("texts.jsonl"), "{\"text\": \"a plain text\"}\n");

        BowlineException refused = assertThrows(
                BowlineException.class, () -> runs.open("refused", "float32", with("evaluate.data=" + texts)));

        String message = String.valueOf(refused.getMessage());
        assertTrue(message.contains("evaluate.data"), message);
        assertTrue(message.contains("has no question to answer"), message);
    }
}
