package dev.bowline.audit;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A repair makes a checkpoint mean one thing, loses nothing unless told to, and leaves the original when it cannot.
class RepairTest {

    private static final RepairOptions LOSSLESS = RepairOptions.LOSSLESS;

    @TempDir
    private Path temporary;

    private Path write(CheckpointFixture fixture) throws IOException {
        return fixture.write(temporary.resolve("source"));
    }

    private static Map<String, String> hashes(Path directory) throws IOException {
        Map<String, String> hashes = new TreeMap<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path path : files.filter(file -> file.toString().endsWith(".safetensors"))
                    .toList()) {
                try (SafetensorsFile file = SafetensorsFile.open(path)) {
                    file.entries().keySet().forEach(key -> hashes.put(key, TensorHash.of(file.bytes(key))));
                }
            }
        }
        return hashes;
    }

    private static Map<String, String> contents(Path directory) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(
                        directory.relativize(file).toString(),
                        TensorHash.of(java.lang.foreign.MemorySegment.ofArray(Files.readAllBytes(file))));
            }
        }
        return contents;
    }

    private static Set<FindingCode> codes(TieAudit audit) {
        return audit.findings().stream().map(Finding::code).collect(Collectors.toSet());
    }

    private static boolean flag(Path directory) {
        return Json.parse(directory.resolve("config.json")).asObject().requireBoolean("tie_word_embeddings");
    }

    @Test
    void aRepeatedHeadIsDroppedFromItsShardAlone() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(E).sharded());
        Map<String, String> before = hashes(source);
        byte[] other = Files.readAllBytes(source.resolve("model-00001-of-00002.safetensors"));
        Path target = temporary.resolve("target");

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), target);

        assertEquals(Set.of(), codes(after));
        before.remove("lm_head.weight");
        assertEquals(before, hashes(target));
        assertArrayEquals(other, Files.readAllBytes(target.resolve("model-00001-of-00002.safetensors")));
        ShardIndex index = ShardIndex.read(target.resolve("model.safetensors.index.json"));
        assertFalse(index.weightMap().containsKey("lm_head.weight"));
        assertEquals((ROWS * WIDTH + WIDTH) * 4L, index.totalSize().orElseThrow());
        assertEquals(
                "model.embed_tokens.weight",
                SafetensorsFile.readHeader(target.resolve("model-00002-of-00002.safetensors"))
                        .metadata()
                        .get("lm_head.weight"));
        JsonObject sidecar = Json.parse(target.resolve(Repair.SIDECAR)).asObject();
        assertTrue(sidecar.requireBoolean("tied"));
        assertTrue(sidecar.requireObject("flags").requireBoolean("tie_word_embeddings"));
        assertTrue(sidecar.requireString("version").matches("\\d+\\.\\d+.*"), sidecar.requireString("version"));
        assertEquals(before.get("model.embed_tokens.weight"), sidecar.requireString("canonical_sha256"));
    }

    /// Nothing but config.json changes, and the sidecar has the hash of a tensor that stays where it is.
    @Test
    void theSidecarHasTheHashOfAShardThatIsNotWritten() throws IOException {
        Path source = write(CheckpointFixture.llama("").embedding(E).head(H).sharded());
        String hash = hashes(source).get("model.embed_tokens.weight");
        Path target = temporary.resolve("target");

        Repair.apply(Repair.plan(source, LOSSLESS), target);

        JsonObject sidecar = Json.parse(target.resolve(Repair.SIDECAR)).asObject();
        assertEquals(hash, sidecar.requireString("canonical_sha256"));
        assertFalse(sidecar.requireObject("flags").requireBoolean("tie_word_embeddings"));
    }

    @Test
    void theVocabularyIsWhatThereAreRowsFor() throws IOException {
        CheckpointFixture fixture = Findings.nested("true", "true");
        Path source = write(fixture.config(fixture.config()
                .with("vocab_size", 40L)
                .with(
                        "text_config",
                        fixture.config().requireObject("text_config").with("vocab_size", 31L))));

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(Set.of(), codes(after));
        JsonObject config = Json.parse(source.resolve("config.json")).asObject();
        assertEquals(ROWS, config.requireInt("vocab_size"));
        assertEquals(ROWS, config.requireObject("text_config").requireInt("vocab_size"));
    }

    @Test
    void theVocabularyIsCorrectedWithTheName() throws IOException {
        CheckpointFixture fixture = CheckpointFixture.llama("true").head(E);
        Path source = write(fixture.config(fixture.config().with("vocab_size", 40L)));

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(Set.of(), codes(after));
        assertEquals(ROWS, Json.parse(source.resolve("config.json")).asObject().requireInt("vocab_size"));
    }

    /// Rows may be the wrong ones when the tokenizer has more tokens, or the head other rows.
    @Test
    void aVocabularyInDoubtStaysAsItIs() throws IOException {
        Path tokens = CheckpointFixture.llama("").embedding(E).head(H).write(temporary.resolve("tokens"));
        Files.writeString(tokens.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 39}}}");
        JsonObject config = Json.parse(tokens.resolve("config.json")).asObject();
        Files.writeString(tokens.resolve("config.json"), Json.pretty(config.with("vocab_size", 40L)));
        Path heads = CheckpointFixture.llama("true")
                .embedding(E)
                .with("lm_head.weight", SafetensorsType.F32, 40, WIDTH, H)
                .write(temporary.resolve("heads"));
        Files.writeString(
                heads.resolve("config.json"),
                Json.pretty(Json.parse(heads.resolve("config.json")).asObject().with("vocab_size", 40L)));

        for (Path path : List.of(tokens, heads)) {
            RepairPlan plan = Repair.plan(path, LOSSLESS);

            assertEquals(Optional.empty(), plan.vocabulary());
            assertTrue(plan.after().has(FindingCode.T10));
        }
    }

    @Test
    void twoValuesAreBothKeptAndTheFlagTurns() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(H));
        Map<String, String> before = hashes(source);

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), temporary.resolve("target"));

        assertEquals(Set.of(), codes(after));
        assertEquals(before, hashes(temporary.resolve("target")));
        assertFalse(flag(temporary.resolve("target")));
    }

    @Test
    void theFlagIsWrittenAtEveryLevel() throws IOException {
        for (boolean top : new boolean[] {true, false}) {
            Path source = new CheckpointFixture("""
                            {"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3",
                             "tie_word_embeddings": %s,
                             "text_config": {"vocab_size": 32, "tie_word_embeddings": %s}}""".formatted(top, !top))
                    .with("language_model.model.embed_tokens.weight", SafetensorsType.F32, ROWS, WIDTH, E)
                    .with("language_model.lm_head.weight", SafetensorsType.F32, ROWS, WIDTH, H)
                    .write(temporary.resolve("source-" + top));
            Path target = temporary.resolve("target-" + top);

            Repair.apply(Repair.plan(source, LOSSLESS), target);

            assertFalse(flag(target));
            assertFalse(Json.parse(target.resolve("config.json"))
                    .asObject()
                    .requireObject("text_config")
                    .requireBoolean("tie_word_embeddings"));
        }
    }

    @Test
    void onlyKeepLosesAndItSaysWhat() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(H));
        RepairOptions keepHead = new RepairOptions(Optional.of(Role.HEAD), Optional.empty());
        String head = hashes(source).get("lm_head.weight");

        RepairPlan plan = Repair.plan(source, keepHead);
        TieAudit after = Repair.apply(plan, temporary.resolve("target"));

        assertTrue(
                plan.losses().getFirst().startsWith("model.embed_tokens.weight: 32 of 32 rows"),
                plan.losses().toString());
        assertEquals(Set.of(), codes(after));
        assertEquals(head, hashes(temporary.resolve("target")).get("model.embed_tokens.weight"));
        assertTrue(flag(temporary.resolve("target")));
    }

    @Test
    void anInvertedTieIsRenamedWithItsBytesUntouched() throws IOException {
        Path source = write(CheckpointFixture.llama("true").head(E).sharded());
        String value = hashes(source).get("lm_head.weight");

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), temporary.resolve("target"));

        assertEquals(Set.of(), codes(after));
        assertEquals(value, hashes(temporary.resolve("target")).get("model.embed_tokens.weight"));
    }

    @Test
    void twoTypesBecomeTheWider() throws IOException {
        Path source = write(CheckpointFixture.llama("true")
                .with("model.embed_tokens.weight", SafetensorsType.BF16, ROWS, WIDTH, E)
                .head(E));
        String wide = hashes(source).get("lm_head.weight");

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), temporary.resolve("target"));

        assertEquals(Set.of(), codes(after));
        assertEquals(
                Map.of("model.embed_tokens.weight", String.valueOf(wide)),
                without(hashes(temporary.resolve("target"))));
    }

    private static Map<String, String> without(Map<String, String> hashes) {
        hashes.remove("model.norm.weight");
        return hashes;
    }

    @Test
    void aStaleIndexIsBuiltFromTheHeaders() throws IOException {
        Path source =
                write(CheckpointFixture.llama("false").embedding(E).head(H).sharded());
        Path index = source.resolve("model.safetensors.index.json");
        JsonObject told = Json.parse(index).asObject();
        Files.writeString(
                index,
                Json.pretty(
                        told.with("weight_map", told.requireObject("weight_map").without("model.norm.weight"))));
        assertTrue(TieAudit.of(source).has(FindingCode.T08));

        assertEquals(Set.of(), codes(Repair.applyInPlace(Repair.plan(source, LOSSLESS))));
    }

    @Test
    void levelsAreMadeToAgree() throws IOException {
        CheckpointFixture fixture = new CheckpointFixture("""
                {"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3",
                 "tie_word_embeddings": true, "text_config": {"vocab_size": 32, "tie_word_embeddings": false}}""");
        Path source =
                write(fixture.with("language_model.model.embed_tokens.weight", SafetensorsType.F32, ROWS, WIDTH, E)
                        .with("language_model.lm_head.weight", SafetensorsType.F32, ROWS, WIDTH, H));

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(Set.of(), codes(after));
        assertEquals(
                List.of(Optional.of(false), Optional.of(false)),
                after.flags().stream().map(FlagAt::value).toList());
    }

    @Test
    void twiceIsOnce() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(E));
        Repair.applyInPlace(Repair.plan(source, LOSSLESS));
        Map<String, String> once = contents(source);

        RepairPlan again = Repair.plan(source, LOSSLESS);
        Repair.applyInPlace(again);

        assertEquals(List.of(), again.steps());
        assertEquals(once, contents(source));
    }

    @Test
    void whatTheBytesDoNotDecideIsRefusedAndTheOriginalStays() throws IOException {
        Path source = write(CheckpointFixture.llama("false").embedding(E));
        Map<String, String> before = contents(source);

        BowlineException refusal = assertThrows(BowlineException.class, () -> Repair.plan(source, LOSSLESS));

        assertTrue(refusal.problem().contains("the head is missing"), refusal.problem());
        assertEquals(before, contents(source));
        RepairOptions tied = new RepairOptions(Optional.empty(), Optional.of(RepairOptions.Declare.TIED));
        assertEquals(Set.of(), codes(Repair.apply(Repair.plan(source, tied), temporary.resolve("target"))));
    }

    @Test
    void untyingWritesTheValueTwice() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E));
        RepairOptions untie = new RepairOptions(Optional.empty(), Optional.of(RepairOptions.Declare.UNTIED));

        TieAudit after = Repair.apply(Repair.plan(source, untie), temporary.resolve("target"));

        assertEquals(Set.of(FindingCode.T14), codes(after));
        assertFalse(flag(temporary.resolve("target")));
    }

    @Test
    void nothingIsLeftBesideTheTarget() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(E));
        Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        try (Stream<Path> beside = Files.list(temporary)) {
            assertEquals(List.of(source), beside.toList());
        }
    }

    /// A plan that would leave two values under a tied flag, as a fault in the planner could.
    @Test
    void aResultThatIsNotCleanDoesNotHappen() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(H));
        Map<String, String> before = contents(source);
        RepairPlan right = Repair.plan(source, LOSSLESS);
        RepairPlan wrong = new RepairPlan(
                right.before(),
                right.pair(),
                true,
                right.names(),
                right.rebuilt(),
                right.malformed(),
                right.rewritesIndex(),
                right.rewritesAlias(),
                true,
                Optional.empty(),
                List.of("say tied, whatever the bytes are"),
                List.of(),
                right.after());

        for (BowlineException refused : List.of(
                assertThrows(BowlineException.class, () -> Repair.applyInPlace(wrong)),
                assertThrows(BowlineException.class, () -> Repair.apply(wrong, temporary.resolve("target"))))) {
            assertTrue(refused.problem().contains("its result would have T01"), refused.problem());
            assertTrue(refused.fix().contains("nothing was written"), refused.fix());
        }
        assertEquals(before, contents(source));
        assertEquals(List.of(source), SourceFiles.list(temporary));
    }

    @Test
    void aReaderThatTiesWhateverTheFlagSaysIsNamed() throws IOException {
        Path source = write(new CheckpointFixture("""
                        {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 32,
                         "tie_word_embeddings": true}""")
                .with("shared.weight", SafetensorsType.F32, ROWS, WIDTH, E)
                .head(H));

        BowlineException refused = assertThrows(BowlineException.class, () -> Repair.plan(source, LOSSLESS));

        assertTrue(refused.fix().contains("whatever the flag says"), refused.fix());
    }

    @Test
    void aTargetInsideTheCheckpointIsRefused() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(E));
        RepairPlan plan = Repair.plan(source, LOSSLESS);

        BowlineException refused =
                assertThrows(BowlineException.class, () -> Repair.apply(plan, source.resolve("fixed")));

        assertTrue(refused.problem().contains("is inside the checkpoint"), refused.problem());
    }

    @Test
    void linksToDirectoriesStayLinks() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(E));
        Files.createDirectories(source.resolve("checkpoint-5"));
        Files.createSymbolicLink(source.resolve("latest"), Path.of("checkpoint-5"));
        Files.createSymbolicLink(source.resolve("again"), source);

        Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(Path.of("checkpoint-5"), Files.readSymbolicLink(source.resolve("latest")));
        assertEquals(source, Files.readSymbolicLink(source.resolve("again")));
    }

    @Test
    void aStaleAliasIsCorrected() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).metadata("lm_head.weight", "gone.weight"));
        assertTrue(TieAudit.of(source).has(FindingCode.T19));

        assertEquals(Set.of(), codes(Repair.applyInPlace(Repair.plan(source, LOSSLESS))));
    }

    @Test
    void namesAreSpelledAsTheFileSpellsThem() throws IOException {
        CheckpointFixture fixture = new CheckpointFixture("""
                {"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3",
                 "tie_word_embeddings": true, "text_config": {"vocab_size": 32, "tie_word_embeddings": true}}""");
        Path source = write(fixture.with("language_model.lm_head.weight", SafetensorsType.F32, ROWS, WIDTH, E));

        Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertTrue(hashes(source).containsKey("language_model.model.embed_tokens.weight"));
    }

    @Test
    void whatIsWrittenAnewKeepsItsPermissions() throws IOException {
        Path source = write(CheckpointFixture.llama("").embedding(E).head(E));
        Path config = source.resolve("config.json");
        if (!Files.getFileStore(source).supportsFileAttributeView("posix")) {
            return;
        }
        Set<PosixFilePermission> secret = PosixFilePermissions.fromString("rw-------");
        Files.setPosixFilePermissions(config, secret);
        Files.setPosixFilePermissions(source, PosixFilePermissions.fromString("rwx------"));

        Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(secret, Files.getPosixFilePermissions(config));
        assertEquals(PosixFilePermissions.fromString("rwx------"), Files.getPosixFilePermissions(source));
    }
}
