package dev.bowline.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.JsonSchema;
import dev.bowline.distributed.Ranks;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.train.FineTuningRun;
import dev.bowline.train.PreparedRun;
import dev.bowline.train.RunEvaluation;
import dev.bowline.train.RunListener;
import dev.bowline.train.RunReport;
import dev.bowline.train.StepResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A run has a page for people and a twin for programs, whatever its end, with every step of its life.
class ReportedRunTest {

    private static final Path RECIPE = Path.of("..", "examples", "demo.yaml");
    private static final JsonSchema SCHEMA = new JsonSchema(
            Json.parse(Path.of("..", "docs", "report.schema.json")).asObject());

    private Path checkpoints;

    @BeforeEach
    void inADirectoryOfItsOwn(@TempDir Path directory) {
        checkpoints = directory.resolve("run").toAbsolutePath();
    }

    private RecipeFile recipe(String... more) {
        List<String> sets = new ArrayList<>(List.of(
                "checkpoint.checkpoint_dir=" + checkpoints,
                "dataset.limit_dataset_samples=24",
                "validation_dataset.limit_dataset_samples=4",
                "step_scheduler.global_batch_size=4",
                "step_scheduler.local_batch_size=2",
                "step_scheduler.max_steps=4",
                "step_scheduler.val_every_steps=2",
                "step_scheduler.ckpt_every_steps=2",
                "lr_scheduler.lr_warmup_steps=1",
                "lr_scheduler.lr_decay_steps=10"));
        sets.addAll(List.of(more));
        return RecipeFile.load(RECIPE, sets);
    }

    private static RunReport run(RecipeFile recipe, RunListener listener) {
        PreparedRun prepared = PreparedRun.of(recipe);
        try (FineTuningRun run = prepared.load()) {
            return ReportedRun.of(prepared, run, listener);
        }
    }

    private JsonObject twin() {
        JsonObject twin = Json.parse(checkpoints.resolve("report.json")).asObject();
        assertEquals(List.of(), SCHEMA.problems(twin));
        return twin;
    }

    private String page() throws IOException {
        return Files.readString(checkpoints.resolve("report.html"));
    }

    private static List<Long> steps(JsonObject twin, String curve) {
        return twin.requireObject("curves").requireArray(curve).objects().stream()
                .map(point -> point.requireLong("first"))
                .toList();
    }

    private static List<String> marks(JsonObject twin) {
        return twin.requireArray("marks").objects().stream()
                .map(mark -> mark.requireString("kind") + " " + mark.requireLong("step"))
                .toList();
    }

    @Test
    void aResumedRunHasTheStepsAndTheMarksBeforeItsRestart() throws IOException {
        run(recipe(answering("step_scheduler.max_steps=3")), RunListener.silent());
        assertEquals(List.of("validation 2", "save 2", "validation 3", "save 3"), marks(twin()));
        String older = "checkpoint.restore_from=" + checkpoints.resolve("step_2");
        List<RunEvaluation> told = new ArrayList<>();

        RunReport report = run(recipe(answering(older)), new RunListener() {
            @Override
            public void evaluated(RunEvaluation result) {
                told.add(result);
            }
        });

        JsonObject twin = twin();
        assertEquals("finished", twin.requireString("state"));
        assertEquals(List.of(1L, 2L, 3L, 4L), steps(twin, "loss"));
        assertEquals(List.of(2L, 4L), steps(twin, "val_loss"));
        assertEquals(List.of("validation 2", "save 2", "restart 2", "validation 4", "save 4"), marks(twin));
        assertEquals(
                report.lastStep().orElseThrow().loss(),
                twin.requireObject("curves")
                        .requireArray("loss")
                        .objects()
                        .getLast()
                        .requireDouble("mean"));
        JsonObject tie = twin.requireArray("ties").objects().getFirst();
        assertEquals(report.ties().groups().getFirst().hashAtSave().orElseThrow(), tie.requireString("sha256_at_save"));
        assertTrue(page().contains(tie.requireString("sha256_at_save")));
        JsonObject layer = twin.requireArray("expert_shares").objects().getFirst();
        assertEquals(
                List.of(1L, 2L, 3L, 4L),
                layer.requireArray("most").objects().stream()
                        .map(point -> point.requireLong("first"))
                        .toList());
        assertEquals(report.updates().size(), twin.requireArray("updates").size());
        assertAnswers(told.getLast(), twin);
    }

    private static String[] answering(String more) {
        return new String[] {
            more,
            "evaluate.every_steps=2",
            "evaluate.limit=2",
            "evaluate.max_new_tokens=2",
            "evaluate.metrics=[exact_match, perplexity]",
            "evaluate.samples=1",
            "evaluate.max_share=0.999"
        };
    }

    /// The scores before the restart are those of the log, and the last evaluation is that of the listener.
    private void assertAnswers(RunEvaluation last, JsonObject twin) throws IOException {
        List<JsonObject> scores = twin.requireArray("scores").objects();
        assertEquals(
                List.of("exact_match", "perplexity"),
                scores.stream().map(score -> score.requireString("name")).toList());
        assertEquals(
                List.of(0L, 2L, 4L),
                scores.getLast().requireArray("curve").objects().stream()
                        .map(point -> point.requireLong("first"))
                        .toList());
        JsonObject evaluation = twin.requireObject("evaluation");
        assertEquals(4, evaluation.requireLong("step"));
        JsonObject perplexity = evaluation.requireArray("scores").objects().getLast();
        assertEquals(last.scores().get("perplexity"), perplexity.requireDouble("score"));
        assertEquals(last.base().get("perplexity"), perplexity.requireDouble("base"));
        RunEvaluation.Sample sample = last.samples().getFirst();
        for (String line : sample.prompt().lines().toList()) {
            assertTrue(page().contains(Html.text(line)), line);
        }
        assertTrue(page().contains("<td class=\"answer\">%s</td>".formatted(Html.text(sample.expected()))), page());
        assertTrue(page().contains("<h2>Answers</h2>"));
    }

    @Test
    void thePageLoadsNothingAndIsWholeWhileTheRunTrains() throws IOException {
        List<String> seen = new ArrayList<>();

        run(recipe(), new RunListener() {
            @Override
            public void stepTaken(StepResult step, long lastStep) {
                try {
                    seen.add(page());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        });

        seen.add(page());
        for (String page : seen) {
            assertTrue(page.endsWith("</html>\n"));
            String lower = page.toLowerCase(Locale.ROOT);
            for (String outside :
                    List.of("<script", "<link", "<img", "<iframe", "src=", "@import", "url(", "http://", "https://")) {
                assertFalse(lower.contains(outside), outside);
            }
            assertFalse(page.contains("NaN"));
        }
        assertTrue(seen.getFirst().contains("http-equiv=\"refresh\""));
        assertFalse(seen.getLast().contains("http-equiv=\"refresh\""));
    }

    @Test
    void aRunThatFailsSaysWhy() throws IOException {
        assertThrows(
                IllegalStateException.class,
                () -> run(
                        recipe("checkpoint.enabled=false", "step_scheduler.ckpt_every_steps=null"), new RunListener() {
                            @Override
                            public void stepTaken(StepResult step, long lastStep) {
                                throw new IllegalStateException("<b>out of luck</b>");
                            }
                        }));

        assertEquals("failed", twin().requireString("state"));
        assertTrue(page().contains("&lt;b&gt;out of luck&lt;/b&gt;"));
    }

    @Test
    void textFromARunIsNoMarkup() throws IOException {
        String hostile = "</style><script>alert(\"1\")</script>\u001b[2J";

        checkpoints = checkpoints.resolveSibling("<script>x()");
        run(recipe(), RunListener.silent());
        PreparedRun prepared = PreparedRun.of(recipe("checkpoint.restore_from=LATEST"));
        try (FineTuningRun run = prepared.load()) {
            RunHistory history = new RunHistory(RunFacts.of(prepared, run));
            history.note("warning: " + hostile);
            history.mark(new RunMark(2, RunMark.Kind.RESTART, hostile));
            history.mark(new RunMark(2, RunMark.Kind.SAVE, hostile));
            history.shares(hostile).most().add(1, 0.5);
            history.shares("without a point");
            EarlierSteps.addTo(history);
            history.failed(hostile);

            String page = new RunPageHtml().html(history);

            assertFalse(page.contains("<script"), page);
            assertEquals(1, page.split("</style>", -1).length - 1);
            assertFalse(page.contains("\u001b"));
            assertTrue(page.contains("&lt;script&gt;alert(&quot;1&quot;)"));
        }
    }

    @Test
    void aReportThatCannotBeWrittenIsANoteOfTheRun() throws IOException {
        Files.createDirectories(checkpoints.resolve("report.html"));
        List<String> noted = new ArrayList<>();

        RunReport report = run(recipe(), new RunListener() {
            @Override
            public void noted(String sentence) {
                noted.add(sentence);
            }
        });

        assertEquals(4, report.lastStep().orElseThrow().step());
        assertEquals(1, noted.size(), noted::toString);
        assertTrue(noted.getFirst().startsWith("warning: the report of the run in "), noted::toString);
        assertTrue(report.notes().contains(noted.getFirst()));
    }

    @Test
    void aRecipeLeavesTheReportOut() {
        run(recipe("logging.report=false"), RunListener.silent());

        assertFalse(Files.exists(checkpoints.resolve("report.html")));
        assertFalse(Files.exists(checkpoints.resolve("report.json")));
    }

    @Test
    void anAdapterAndDamagedFilesOfAnEarlierProcessAreNoObstacle() throws IOException {
        String[] lora = {"peft.dim=4", "peft.alpha=8", "peft.target_modules=all-linear"};
        RecipeFile adapter = recipe(lora[0], lora[1], lora[2]);
        run(adapter, RunListener.silent());
        Files.writeString(checkpoints.resolve("report.json"), "{\"marks\": [{\"step\": \"x\"}]}");

        run(
                recipe(lora[0], lora[1], lora[2], "checkpoint.restore_from=" + checkpoints.resolve("step_2")),
                RunListener.silent());

        assertEquals(List.of(1L, 2L, 3L, 4L), steps(twin(), "loss"));
        assertEquals(List.of("restart 2", "validation 4", "save 4"), marks(twin()));
    }

    @Test
    void theFirstRankWritesTheReportOfAll() {
        List<RunReport> reports = Ranks.run(2, group -> {
            PreparedRun prepared = PreparedRun.of(recipe(), group);
            try (FineTuningRun run = prepared.load()) {
                return ReportedRun.of(prepared, run, RunListener.silent());
            }
        });

        assertEquals(2, reports.size());
        JsonObject twin = twin();
        assertEquals(List.of(1L, 2L, 3L, 4L), steps(twin, "loss"));
        assertEquals("2", twin.requireObject("environment").requireString("ranks"));
    }
}
