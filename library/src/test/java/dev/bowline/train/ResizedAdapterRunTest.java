package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.merge.Merge;
import dev.bowline.adapter.merge.MergeOptions;
import dev.bowline.adapter.merge.MergePlan;
import dev.bowline.adapter.verify.Verify;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.findings.Severity;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.Sequences;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// An adapter with new tokens: the recipe resizes the vocabulary, the adapter holds every new row, and the base as
/// stored gets the rows when the adapter is attached.
class ResizedAdapterRunTest {

    private static final int ROWS = 1024;
    private static final String TOKEN_ROWS = "peft.trainable_token_indices=[1024, 1025]";

    private final Path directory;
    private final DemoRuns demo;
    private final Path base;
    private final Path data;

    ResizedAdapterRunTest(@TempDir Path directory) throws IOException {
        this.directory = directory;
        demo = new DemoRuns(directory);
        base = TokensWithoutRowsTest.demoWith(directory, "<image_soft_token>");
        data = Files.writeString(directory.resolve("data.jsonl"), """
                {"messages": [{"role": "user", "content": "<image_soft_token>"}, {"role": "assistant", "content": "b"}]}
                """.repeat(4));
    }

    @ParameterizedTest
    @ValueSource(strings = {TOKEN_ROWS, "peft.modules_to_save=[embed_tokens]"})
    void aResumedRunWritesTheBytesOfTheStraightOneAndItsAdapterFitsTheStoredBase(String held) throws IOException {
        String tie = held.equals(TOKEN_ROWS) ? "peft.dropout=0" : "peft.tie_mode=shared";
        Path straight = run("straight", held, tie, "step_scheduler.max_steps=3");
        run("resumed", held, tie, "step_scheduler.max_steps=2");
        Path resumed = run("resumed", held, tie, "step_scheduler.max_steps=3", "checkpoint.restore_from=LATEST");

        for (String file : List.of("adapter_model.safetensors", "adapter_config.json", "optimizer.safetensors")) {
            assertArrayEquals(
                    Files.readAllBytes(straight.resolve(file)), Files.readAllBytes(resumed.resolve(file)), file);
        }
        try (Pretrained pretrained = AutoModel.fromPretrained(
                        base, AutoModel.Options.asStored().in(Dtype.FLOAT32));
                AdapterFiles files = AdapterFiles.open(straight)) {
            LanguageModel model = pretrained.model();
            float[] before = logits(model, 5);

            Adapters adapters = Adapters.of(model);
            adapters.attach("new", files);

            assertEquals(ROWS + 2, model.vocabularySize());
            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            assertEquals(ROWS + 2, logits(model, 1024).length);
            adapters.useNone();
            assertArrayEquals(before, Arrays.copyOf(logits(model, 5), ROWS));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'peft.trainable_token_indices=[1024, 1025]', peft.dropout=0, TIED",
        "peft.modules_to_save=[embed_tokens], peft.tie_mode=shared, TIED",
        "'peft.modules_to_save=[embed_tokens, lm_head]', peft.tie_mode=untie, SEPARATE",
    })
    void aMergeHasTheRowsAndTheLogitsOfTheAdapter(String held, String tie, Head head) throws IOException {
        Path adapter = run("run", held, tie, "step_scheduler.max_steps=2");
        Path merged = directory.resolve("merged");

        try (MergePlan plan = Merge.plan(base, adapter, MergeOptions.DEFAULT)) {
            TieAudit audit = plan.write(merged).audit();
            assertTrue(
                    audit.findings().stream()
                            .noneMatch(finding -> finding.severity().isAtLeast(Severity.MEDIUM)),
                    () -> audit.findings().toString());
        }

        JsonObject config = Json.parse(merged.resolve("config.json")).asObject();
        JsonObject text = config.optionalObject("text_config").orElse(config);
        assertEquals(ROWS + 2, text.requireInt("vocab_size"));
        assertTrue(Files.exists(merged.resolve("tokenizer.json")));
        assertEquals(
                List.of(),
                Verify.of(merged, base, Optional.of(adapter), Optional.empty(), 5, 1024, 1025)
                        .problems());
        assertEquals(
                List.of(),
                Verify.of(merged, base, Optional.empty(), Optional.empty()).problems());
        assertEquals(
                List.of(),
                Verify.of(adapter, base, Optional.empty(), Optional.empty()).problems());
        try (Pretrained result =
                AutoModel.fromPretrained(merged, AutoModel.Options.asStored().in(Dtype.FLOAT32))) {
            assertEquals(head == Head.TIED, TiedWeights.hasLocalTiedLmHead(result.model()));
            assertEquals(ROWS + 2, result.model().vocabularySize());
        }
    }

    /// A head that parts from its embedding needs the new rows too.
    @Test
    void aPartedHeadHoldsItsNewRows() {
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> PreparedRun.of(RecipeFile.load(
                        DemoRuns.RECIPE, settings("peft.modules_to_save=[embed_tokens]", "peft.tie_mode=untie"))));

        assertTrue(refused.problem().endsWith("the new rows 1024 to 1025 of 'lm_head'"), refused.problem());
    }

    @Test
    void otherRowsDoNotResume() {
        run("run", "peft.modules_to_save=[embed_tokens]", "peft.tie_mode=shared", "step_scheduler.max_steps=1");

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> run(
                        "run",
                        "peft.modules_to_save=[embed_tokens]",
                        "peft.tie_mode=shared",
                        "model.resize_token_embeddings=1030",
                        "checkpoint.restore_from=LATEST"));

        assertTrue(
                refused.problem().contains("was trained with 1026 rows of the token embedding, the recipe gives 1030"),
                refused.problem());
    }

    @Test
    void aRowThatTheAdapterDoesNotHoldIsRefusedAtTheKey() {
        for (String held : List.of("peft.trainable_token_indices=[1024]", "peft.target_modules=[q_proj]")) {
            BowlineException refused = assertThrows(
                    BowlineException.class, () -> PreparedRun.of(RecipeFile.load(DemoRuns.RECIPE, settings(held))));

            assertTrue(
                    refused.problem()
                            .endsWith("the base as stored has 1024 rows, and the adapter does not hold each of the new"
                                    + " rows 1024 to 1025 of 'model.language_model.embed_tokens'"),
                    refused.problem());
        }
    }

    @Test
    void anAdapterRemovesNoRows() {
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> PreparedRun.of(RecipeFile.load(
                        DemoRuns.RECIPE, settings("peft.dim=4", "model.resize_token_embeddings=1000"))));

        assertTrue(refused.problem().contains("an adapter removes no rows of its base"), refused.problem());
    }

    /// An attached adapter computes with the tables that it was attached to.
    @Test
    void anAdapterWithMoreRowsIsAttachedFirst() {
        Path trained = run("rows", TOKEN_ROWS, "step_scheduler.max_steps=1");
        Path usual = run(
                "usual",
                "model.resize_token_embeddings=null",
                "dataset.path=" + plainData(),
                "step_scheduler.max_steps=1");
        try (Pretrained pretrained = AutoModel.fromPretrained(base);
                AdapterFiles added = AdapterFiles.open(trained);
                AdapterFiles plain = AdapterFiles.open(usual)) {
            Adapters adapters = Adapters.of(pretrained.model());
            adapters.attach("plain", plain);

            BowlineException refused = assertThrows(BowlineException.class, () -> adapters.attach("added", added));

            assertTrue(refused.problem().contains("another adapter is attached"), refused.problem());
            assertEquals(ROWS, pretrained.model().vocabularySize());
            adapters.detach("plain");
            adapters.attach("added", added);
            adapters.attach("plain", plain);
            adapters.use("added");
            assertEquals(ROWS + 2, pretrained.model().vocabularySize());
        }
    }

    private Path plainData() {
        try {
            return Files.writeString(
                    directory.resolve("plain.jsonl"), Files.readString(data).replace("<image_soft_token>", "a"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path run(String name, String... settings) {
        return demo.run(name, "float32", settings(settings).toArray(String[]::new))
                .checkpoint()
                .orElseThrow();
    }

    private List<String> settings(String... more) {
        return List.of(DemoRuns.with(
                new String[] {
                    "model.pretrained_model_name_or_path=" + base,
                    "model.resize_token_embeddings=" + (ROWS + 2),
                    "dataset.path=" + data,
                    "peft.dim=4",
                    "optimizer.lr=1e-2"
                },
                more));
    }

    private static float[] logits(LanguageModel model, long id) {
        try (TensorScope _ = TensorScope.open();
                NoGradGuard _ = new NoGradGuard()) {
            return HostTensors.bytes(model.logits(HostTensors.of(new long[] {id}, 1, 1), Sequences.causal(1, 1))
                            .detach()
                            .contiguous())
                    .toArray(ValueLayout.JAVA_FLOAT);
        }
    }
}
