package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.checkpoint.SaveReport.Origin;
import dev.bowline.fixtures.Golden;
import dev.bowline.fixtures.disk.DiskWatch;
import dev.bowline.fixtures.disk.FailingDisk;
import dev.bowline.fixtures.disk.WatchedFileSystem;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Load then save loses nothing: every tensor, every other file and every key of config.json comes back as it was.
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
            SaveReport report = Checkpoint.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));

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
            SaveReport report = Checkpoint.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));

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
            CausalLanguageModel model = pretrained.model();
            untie(model);

            SaveReport report = Checkpoint.save(model, saved, SaveOptions.like(pretrained.checkpoint()));

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
            SaveReport report = Checkpoint.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));

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
            Checkpoint.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        for (Path file : files(source)) {
            assertArrayEquals(
                    Files.readAllBytes(source.resolve(file)), Files.readAllBytes(saved.resolve(file)), file.toString());
        }
    }

    @Test
    void aShardLimitCutsTheFilesAndTheIndexCountsThem() throws IOException {
        Path saved = temporary.resolve("saved");
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "moe_tied"))) {
            Checkpoint.save(
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
    void otherFilesAreTakenAlongAsTheyAreAndWeightsAndTrainingStateAreNot() throws IOException {
        Path source = new TinyCheckpoint(temporary.resolve("source"), "dense_kv").write();
        List<String> kept =
                List.of("tokenizer.json", "chat_template.jinja", "README.md", "additional_chat_templates/tool.jinja");
        for (String name : kept) {
            Files.createDirectories(source.resolve(name).getParent());
            Files.writeString(source.resolve(name), "content of " + name + "\r\n\u00e4");
        }
        for (String name : List.of("training_state.json", "pytorch_model.bin", ".git/HEAD", "step_1/config.json")) {
            Files.createDirectories(source.resolve(name).getParent());
            Files.writeString(source.resolve(name), "not copied");
        }
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained = AutoModel.fromPretrained(source)) {
            Checkpoint.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        for (String name : kept) {
            assertArrayEquals(Files.readAllBytes(source.resolve(name)), Files.readAllBytes(saved.resolve(name)), name);
        }
        assertEquals(
                Set.of(
                        Path.of("tokenizer.json"),
                        Path.of("chat_template.jinja"),
                        Path.of("README.md"),
                        Path.of("additional_chat_templates", "tool.jinja"),
                        Path.of("config.json"),
                        Path.of("generation_config.json"),
                        Path.of("model.safetensors"),
                        Path.of("bowline_ties.json")),
                Set.copyOf(files(saved)));
    }

    @Test
    void aCastModelIsSavedInItsDtypeAndConfigNamesIt() throws IOException {
        Path saved = temporary.resolve("saved");
        try (Pretrained pretrained = AutoModel.fromPretrained(
                Golden.directory("gemma4", "moe_tied"),
                AutoModel.Options.asStored().in(Dtype.BFLOAT16))) {
            Checkpoint.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        JsonObject config = Json.parse(saved.resolve("config.json")).asObject();
        assertEquals("bfloat16", config.requireString("dtype"));
        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(Dtype.BFLOAT16, again.report().dtype());
        }
    }

    @Test
    void aLoneTensorOfAnotherTypeComesBackFromTheFileUntilItIsTrained() throws IOException {
        String norm = "model.language_model.norm.weight";
        Path source = new TinyCheckpoint(temporary.resolve("source"), "dense_kv_bf16")
                .inFloat32(norm)
                .write();
        Path saved = temporary.resolve("saved");
        Path trained = temporary.resolve("trained");

        try (Pretrained pretrained = AutoModel.fromPretrained(source);
                var _ = TensorScope.open()) {
            assertEquals(Dtype.BFLOAT16, pretrained.report().dtype());
            SaveReport report = Checkpoint.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
            assertTrue(report.written().stream()
                    .anyMatch(each -> each.key().equals(norm) && each.origin() == Origin.UNCHANGED));

            parameter(pretrained.model(), norm).value().detach().fill_(new Scalar(0.5));
            Checkpoint.save(pretrained.model(), trained, SaveOptions.like(pretrained.checkpoint()));
        }

        assertArrayEquals(
                Files.readAllBytes(source.resolve("model.safetensors")),
                Files.readAllBytes(saved.resolve("model.safetensors")));
        assertEquals(0.5f, Golden.read(trained.resolve("model.safetensors")).floats(norm)[3]);
    }

    @Test
    void aModelThatWasNeverLoadedIsSavedWithItsConfigAndLoadsAgain() throws IOException {
        JsonObject config = Json.parse(Golden.directory("gemma4", "moe_tied").resolve("config.json"))
                .asObject();
        Path saved = temporary.resolve("saved");
        try (CausalLanguageModel model = AutoModel.fromConfig(config)) {
            model.initializeWeights(Dtype.BFLOAT16, 7);
            Checkpoint.save(model, saved, SaveOptions.withoutSource());
        }

        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(config.with("dtype", "bfloat16"), again.checkpoint().config());
            assertEquals(Head.TIED, again.report().tied().isEmpty() ? Head.SEPARATE : Head.TIED);
        }
    }

    /// Quantised scales, counters and masks of a tower, whatever their type, and scalars and empty tensors too.
    @Test
    void everyTypeOfTensorThatPassesThroughComesBackByteForByte() throws IOException {
        TinyCheckpoint made = new TinyCheckpoint(temporary.resolve("source"), "with_towers");
        Set<String> added = new TreeSet<>();
        for (SafetensorsType type : SafetensorsType.values()) {
            for (List<Long> shape : List.of(List.of(3L, 2L), List.<Long>of(), List.of(0L, 4L))) {
                int elements = (int) shape.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
                byte[] bytes = new byte[elements * type.bytes()];
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = (byte) (type == SafetensorsType.BOOL ? i % 2 : 37 * i + 200);
                }
                String name = "model.vision_tower.extra." + type + "_" + shape.size() + "_" + elements;
                made.with(name, new TinyCheckpoint.Tensor(type, shape, bytes));
                added.add(name);
            }
        }
        Path source = made.write();
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained =
                AutoModel.fromPretrained(source, AutoModel.Options.asStored().in(Dtype.BFLOAT16))) {
            Set<String> passed = new TreeSet<>();
            pretrained.report().passedThrough().forEach(each -> passed.add(each.key()));
            assertTrue(passed.containsAll(added), passed::toString);
            SaveReport report = Checkpoint.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
            assertEquals(
                    passed,
                    report.written().stream()
                            .filter(each -> each.origin() == Origin.PASSED_THROUGH)
                            .map(SaveReport.Written::key)
                            .collect(Collectors.toCollection(TreeSet::new)));
        }

        try (SafetensorsFile before = SafetensorsFile.open(source.resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(saved.resolve("model.safetensors"))) {
            for (String name : added) {
                assertEquals(before.entry(name).type(), after.entry(name).type(), name);
                assertEquals(before.entry(name).shape(), after.entry(name).shape(), name);
                assertEquals(-1, before.bytes(name).mismatch(after.bytes(name)), name);
            }
        }
    }

    @Test
    void aDirectoryThatHoldsSomethingIsRefusedAndLeftAlone() throws IOException {
        Path occupied = Files.createDirectory(temporary.resolve("occupied"));
        Files.writeString(occupied.resolve("notes.txt"), "mine");
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "dense_kv"))) {
            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> Checkpoint.save(pretrained.model(), occupied, SaveOptions.like(pretrained.checkpoint())));

            assertTrue(refused.problem().contains("is not empty: it holds notes.txt"), refused.getMessage());
        }
        assertEquals(List.of(Path.of("notes.txt")), files(occupied));
    }

    @Test
    void aSaveThatFailsAtAnyChangeToTheDiskLeavesNothingBehind() throws IOException {
        Path out = Files.createDirectory(temporary.resolve("out"));
        int changes = 0;
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "dense_kv"))) {
            for (boolean saved = false; !saved; changes++) {
                FailingDisk disk = new FailingDisk(changes);
                Path target = WatchedFileSystem.watch(out.resolve("saved"), disk);
                try {
                    Checkpoint.save(pretrained.model(), target, SaveOptions.like(pretrained.checkpoint()));
                    saved = true;
                } catch (IllegalStateException _) {
                    // All that comes after the rename: it is forced to the disk, and the mark goes.
                    boolean isInPlace = disk.failedAt().target().equals(out)
                            || disk.failedAt().kind() == DiskWatch.Kind.DELETE
                                    && disk.failedAt().path().toString().endsWith(".saving");
                    assertEquals(
                            isInPlace, !files(out).isEmpty(), disk.failedAt().toString());
                    DirectoryAside.delete(out.resolve("saved"));
                }
            }
        }
        assertTrue(changes > 100, "only " + changes);
    }

    @ParameterizedTest
    @CsvSource({
        "moe_tied,model.safetensors",
        "moe_tied,config.json",
        "dense_kv,model.safetensors",
        "dense_kv,config.json"
    })
    void whatReadsBackDifferentlyIsNotACheckpoint(String variant, String damaged) throws IOException {
        Path saved = temporary.resolve("out").resolve("saved");
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", variant))) {
            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> Checkpoint.save(
                            pretrained.model(),
                            WatchedFileSystem.watch(saved, change -> {
                                if (change.kind() == DiskWatch.Kind.FORCE_FILE
                                        && change.path().endsWith("reference.json")) {
                                    damage(temporary.resolve("out"), damaged); // the last file before the reading back
                                }
                            }),
                            SaveOptions.like(pretrained.checkpoint())));
            assertFalse(refused.problem().isEmpty());
        }
        assertEquals(List.of(), files(temporary.resolve("out")));
    }

    private static void damage(Path parent, String name) {
        try (Stream<Path> asides = Files.list(parent)) {
            Path file =
                    asides.filter(Files::isDirectory).findFirst().orElseThrow().resolve(name);
            byte[] content = Files.readAllBytes(file);
            if (name.endsWith(".json")) {
                String flipped = new String(content, java.nio.charset.StandardCharsets.UTF_8)
                        .replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
                Files.writeString(file, flipped);
            } else {
                content[content.length - 5] ^= 1;
                Files.write(file, content);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /// Gives the head a parameter of its own, twice the embedding.
    private static void untie(CausalLanguageModel model) {
        try (var _ = TensorScope.open()) {
            Parameter own = new Parameter(Parameter.Kind.WEIGHT, model.lmHead().shape());
            own.fill(model.inputEmbedding().tensor().detach().mul(new Scalar(2.0)));
            model.lmHead().own(own);
        }
    }

    private static float first(Parameter parameter) {
        return dev.bowline.tensor.Memory.bytes(parameter.value())
                .get(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED, 4);
    }

    private static Parameter parameter(CausalLanguageModel model, String slot) {
        return java.util.Objects.requireNonNull(model.slots().get(slot)).get();
    }

    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            return all.filter(Files::isRegularFile)
                    .map(directory::relativize)
                    .sorted()
                    .toList();
        }
    }
}
