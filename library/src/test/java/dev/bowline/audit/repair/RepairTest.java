package dev.bowline.audit.repair;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static dev.bowline.audit.findings.Findings.codes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.ShardIndex;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A repair makes a checkpoint mean one thing and loses nothing unless told to.
class RepairTest {

    private static final RepairOptions LOSSLESS = RepairOptions.LOSSLESS;

    @TempDir
    private Path temporary;

    private Path write(CheckpointFixture fixture) throws IOException {
        return fixture.write(temporary.resolve("source"));
    }

    @Test
    void aRepeatedHeadIsDroppedFromItsShardAlone() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(E).sharded());
        Map<String, String> before = Written.hashes(source);
        byte[] other = Files.readAllBytes(source.resolve("model-00001-of-00002.safetensors"));
        Path target = temporary.resolve("target");

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), target);

        assertEquals(Set.of(), codes(after));
        before.remove("lm_head.weight");
        assertEquals(before, Written.hashes(target));
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
        String hash = Written.hashes(source).get("model.embed_tokens.weight");
        Path target = temporary.resolve("target");

        Repair.apply(Repair.plan(source, LOSSLESS), target);

        JsonObject sidecar = Json.parse(target.resolve(Repair.SIDECAR)).asObject();
        assertEquals(hash, sidecar.requireString("canonical_sha256"));
        assertFalse(sidecar.requireObject("flags").requireBoolean("tie_word_embeddings"));
    }

    @Test
    void twoValuesAreBothKeptAndTheFlagTurns() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(H));
        Map<String, String> before = Written.hashes(source);

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), temporary.resolve("target"));

        assertEquals(Set.of(), codes(after));
        assertEquals(before, Written.hashes(temporary.resolve("target")));
        assertFalse(Written.flag(temporary.resolve("target")));
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

            assertFalse(Written.flag(target));
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
        String head = Written.hashes(source).get("lm_head.weight");

        RepairPlan plan = Repair.plan(source, keepHead);
        TieAudit after = Repair.apply(plan, temporary.resolve("target"));

        assertTrue(
                plan.losses().getFirst().startsWith("model.embed_tokens.weight: 32 of 32 rows"),
                plan.losses().toString());
        assertEquals(Set.of(), codes(after));
        assertEquals(head, Written.hashes(temporary.resolve("target")).get("model.embed_tokens.weight"));
        assertTrue(Written.flag(temporary.resolve("target")));
    }

    @Test
    void anInvertedTieIsRenamedWithItsBytesUntouched() throws IOException {
        Path source = write(CheckpointFixture.llama("true").head(E).sharded());
        String value = Written.hashes(source).get("lm_head.weight");

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), temporary.resolve("target"));

        assertEquals(Set.of(), codes(after));
        assertEquals(value, Written.hashes(temporary.resolve("target")).get("model.embed_tokens.weight"));
    }

    @Test
    void twoTypesBecomeTheWider() throws IOException {
        Path source = write(CheckpointFixture.llama("true")
                .with("model.embed_tokens.weight", SafetensorsType.BF16, ROWS, WIDTH, E)
                .head(E));
        String wide = Written.hashes(source).get("lm_head.weight");

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), temporary.resolve("target"));

        assertEquals(Set.of(), codes(after));
        assertEquals(
                Map.of("model.embed_tokens.weight", String.valueOf(wide)),
                without(Written.hashes(temporary.resolve("target"))));
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
        Map<String, String> once = Written.contents(source);

        RepairPlan again = Repair.plan(source, LOSSLESS);
        Repair.applyInPlace(again);

        assertEquals(List.of(), again.steps());
        assertEquals(once, Written.contents(source));
    }

    /// Without a class in config.json, the flag that the repair wrote is what tells of a head.
    @ParameterizedTest
    @EnumSource
    void twiceIsOnceWithoutAnArchitectureToo(Role kept) throws IOException {
        CheckpointFixture fixture = CheckpointFixture.llama("true").embedding(E).head(H);
        Path source = write(fixture.config(fixture.config().without("architectures")));
        RepairOptions keep = new RepairOptions(Optional.of(kept), Optional.empty());

        TieAudit after = Repair.applyInPlace(Repair.plan(source, keep));
        RepairPlan again = Repair.plan(source, keep);

        assertEquals(Set.of(), codes(after));
        assertTrue(after.pair().hasHead());
        assertEquals("clean: one value, stored as model.embed_tokens.weight", after.verdict());
        assertEquals(List.of(), again.steps());
        assertEquals(List.of(), Repair.plan(source, LOSSLESS).steps());
    }

    @Test
    void anEmbeddingAloneWithoutAnArchitectureOrAFlagHasNoHead() throws IOException {
        CheckpointFixture fixture = CheckpointFixture.llama("").embedding(E);

        TieAudit audit = TieAudit.of(write(fixture.config(fixture.config().without("architectures"))));

        assertFalse(audit.pair().hasHead());
    }

    @Test
    void untyingWritesTheValueTwice() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E));
        RepairOptions untie = new RepairOptions(Optional.empty(), Optional.of(RepairOptions.Declare.UNTIED));

        TieAudit after = Repair.apply(Repair.plan(source, untie), temporary.resolve("target"));

        assertEquals(Set.of(FindingCode.T14), codes(after));
        assertFalse(Written.flag(temporary.resolve("target")));
    }

    /// It may be a tie that is to come apart, and every level says so, whatever checkpoints of its family do.
    @Test
    void anUntiedPairOfOneValueStaysUntied() throws IOException {
        Path source = write(new CheckpointFixture("""
                {"architectures": ["GemmaForCausalLM"], "model_type": "gemma", "vocab_size": 32,
                 "tie_word_embeddings": false}""").embedding(E).head(E));

        RepairPlan plan = Repair.plan(source, LOSSLESS);

        assertEquals(List.of(), plan.steps());
        assertEquals(Set.of(FindingCode.T14), codes(plan.before()));
    }

    @Test
    void oneFileOfACheckpointIsNotRepairedAlone() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(E));
        Path file = source.resolve("model.safetensors");
        Fix fix = TieAudit.of(file).findings().getFirst().fix();

        BowlineException refused = assertThrows(BowlineException.class, () -> Repair.plan(file, LOSSLESS));

        assertEquals(Fix.of(Remedy.Repair.inPlace(source)), fix);
        assertEquals("name the directory: " + source, refused.fix());
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

        assertTrue(Written.hashes(source).containsKey("language_model.model.embed_tokens.weight"));
    }
}
