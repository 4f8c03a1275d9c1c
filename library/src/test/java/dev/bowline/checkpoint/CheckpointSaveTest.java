package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.BrokenTie;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Load then save loses nothing: every tensor of the model and every key of config.json comes back as it was.
class CheckpointSaveTest {

    @TempDir
    private Path temporary;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "attention_bias",
                "dense_kv",
                "dense_kv_bf16",
                "dense_kv_legacy_config",
                "e2b_hub",
                "e2b_like",
                "e2b_like_bf16",
                "e4b_like",
                "flag_top_true_text_false",
                "moe_legacy_keys",
                "moe_tied",
                "moe_tied_bf16",
                "moe_unaligned",
                "moe_untied",
                "text_only",
                "text_only_prefix",
                "text_only_untied",
                "with_towers"
            })
    void loadThenSaveIsByteIdenticalFileByFile(String variant) throws IOException {
        Path source = Golden.directory("gemma4", variant);
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained = AutoModel.fromPretrained(source)) {
            SaveReport report =
                    CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));

            assertEquals(List.of(), report.configChanges());
            assertEquals(List.of(), report.dropped());
        }

        for (String file : List.of("config.json", "generation_config.json", "model.safetensors")) {
            assertArrayEquals(Files.readAllBytes(source.resolve(file)), Files.readAllBytes(saved.resolve(file)), file);
        }
        assertFalse(Files.exists(saved.resolve("reference.safetensors")), "a stray weights file was copied");
    }

    @Test
    void aSeparateHeadMakesEveryFlagSaySoAndChangesNothingElse() throws IOException {
        Path source = Golden.directory("gemma4", "flag_top_false_text_true");
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained = AutoModel.fromPretrained(source)) {
            SaveReport report =
                    CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));

            assertEquals(
                    List.of("text_config.tie_word_embeddings"),
                    report.configChanges().stream()
                            .map(SaveReport.ConfigChange::path)
                            .toList());
        }

        String before = Files.readString(source.resolve("config.json"));
        String after = Files.readString(saved.resolve("config.json"));
        assertEquals(before.replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"), after);
        assertArrayEquals(
                Files.readAllBytes(source.resolve("model.safetensors")),
                Files.readAllBytes(saved.resolve("model.safetensors")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv", "text_only", "text_only_prefix"})
    void aHeadThatWasGivenItsOwnValueIsSavedBesideTheEmbeddingAndTheFlagSaysUntied(String variant) throws IOException {
        Path saved = temporary.resolve("saved");
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", variant))) {
            LanguageModel model = pretrained.model();
            untie(model);

            SaveReport report = CheckpointSaver.save(model, saved, SaveOptions.like(pretrained.checkpoint()));

            assertEquals(Head.SEPARATE, report.head());
            assertEquals(List.of(), report.ledger().groups().getFirst().aliases());
            assertFalse(report.ledger().groups().getFirst().flag().tied());
        }

        JsonObject config = Json.parse(saved.resolve("config.json")).asObject();
        assertFalse(config.requireBoolean("tie_word_embeddings"));
        config.optionalObject("text_config").ifPresent(text -> assertFalse(text.requireBoolean("tie_word_embeddings")));
        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(
                    2.0,
                    first(again.model().lmHead().get())
                            / first(again.model().inputEmbedding().get()),
                    1e-6);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void aRepeatedTiedHeadIsDroppedAndSaysSo(String variant) throws IOException {
        Path source = new TinyCheckpoint(temporary.resolve("source"), variant)
                .with("lm_head.weight", "model.language_model.embed_tokens.weight")
                .write();
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained = AutoModel.fromPretrained(source)) {
            assertEquals(1, pretrained.report().ignored().size());
            SaveReport report =
                    CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));

            assertEquals("lm_head.weight", report.dropped().getFirst().key());
        }
        assertFalse(Golden.read(saved.resolve("model.safetensors")).has("lm_head.weight"));
    }

    @Test
    void aShardedCheckpointKeepsItsFilesAndItsIndex() throws IOException {
        Path source = new TinyCheckpoint(temporary.resolve("source"), "moe_tied")
                .sharded(60_000)
                .write();
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained = AutoModel.fromPretrained(source)) {
            assertTrue(pretrained.checkpoint().weights().files().size() > 3);
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        for (Path file : FilesUnder.directory(source)) {
            assertArrayEquals(
                    Files.readAllBytes(source.resolve(file)), Files.readAllBytes(saved.resolve(file)), file.toString());
        }
    }

    @Test
    void aShardLimitCutsTheFilesAndTheIndexCountsThem() throws IOException {
        Path saved = temporary.resolve("saved");
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "moe_tied"))) {
            CheckpointSaver.save(
                    pretrained.model(),
                    saved,
                    SaveOptions.like(pretrained.checkpoint()).shardedAt(60_000));
        }

        JsonObject index =
                Json.parse(saved.resolve("model.safetensors.index.json")).asObject();
        Golden source = Golden.read(Golden.directory("gemma4", "moe_tied").resolve("model.safetensors"));
        long bytes = 0;
        for (String name : source.names()) {
            Golden shard =
                    Golden.read(saved.resolve(index.requireObject("weight_map").requireString(name)));
            assertArrayEquals(source.bytes(name), shard.bytes(name), name);
            bytes += source.bytes(name).length;
        }
        assertEquals(bytes, index.requireObject("metadata").requireLong("total_size"));
        assertEquals(
                source.names().size(), index.requireObject("weight_map").keys().size());
    }

    @Test
    void aCastModelIsSavedInItsDtypeAndConfigNamesIt() throws IOException {
        Path saved = temporary.resolve("saved");
        try (Pretrained pretrained = AutoModel.fromPretrained(
                Golden.directory("gemma4", "moe_tied"),
                AutoModel.Options.asStored().in(Dtype.BFLOAT16))) {
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        JsonObject config = Json.parse(saved.resolve("config.json")).asObject();
        assertEquals("bfloat16", config.requireString("dtype"));
        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(Dtype.BFLOAT16, again.report().dtype());
        }
    }

    @Test
    void aModelThatWasNeverLoadedIsSavedWithItsConfigAndLoadsAgain() throws IOException {
        JsonObject config = Json.parse(Golden.directory("gemma4", "moe_tied").resolve("config.json"))
                .asObject();
        Path saved = temporary.resolve("saved");
        try (LanguageModel model = AutoModel.fromConfig(config)) {
            model.initializeWeights(Dtype.BFLOAT16, 7);
            CheckpointSaver.save(model, saved, SaveOptions.withoutSource());
        }

        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(config.with("dtype", "bfloat16"), again.checkpoint().config());
            assertEquals(Head.TIED, again.report().tied().isEmpty() ? Head.SEPARATE : Head.TIED);
        }
    }

    /// Gives the head a parameter of its own, twice the embedding.
    private static void untie(LanguageModel model) {
        try (var _ = TensorScope.open()) {
            BrokenTie.untie(
                    model.lmHead(), model.inputEmbedding().tensor().detach().mul(new Scalar(2.0)));
        }
    }

    private static float first(Parameter parameter) {
        return HostTensors.bytes(parameter.value()).get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4);
    }
}
