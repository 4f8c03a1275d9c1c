package dev.bowline.audit.repair;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.EditedFile;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.audit.repair.RepairOptions.Declare;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/// Before the tie is decided, what leaves no doubt is put right: a file whose tensors are all readable is written
/// anew, a repeated tensor is left out, a name in front of all names goes, a head gets the name that is loaded. Where
/// there is a doubt, it is said.
class StraightenedRepairTest {

    private static final RepairOptions LOSSLESS = RepairOptions.LOSSLESS;
    private static final SafetensorsType F32 = SafetensorsType.F32;
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";

    @TempDir
    private Path temporary;

    private Path write(CheckpointFixture fixture) throws IOException {
        return fixture.write(temporary.resolve("source"));
    }

    private static Path weights(Path directory) {
        return directory.resolve("model.safetensors");
    }

    private static Map<String, String> hashes(Path file) {
        Map<String, String> hashes = new TreeMap<>();
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            opened.entries().keySet().forEach(key -> hashes.put(key, TensorHash.of(opened.bytes(key))));
        }
        return hashes;
    }

    private TieAudit repairedAside(Path source) {
        assertTrue(TieAudit.of(source).has(FindingCode.T22));
        assertRefused("malformed", () -> Repair.applyInPlace(Repair.plan(source, LOSSLESS)));
        return Repair.apply(Repair.plan(source, LOSSLESS), temporary.resolve("target"));
    }

    private static BowlineException assertRefused(String word, Executable repair) {
        BowlineException refused = assertThrows(BowlineException.class, repair);
        assertTrue(refused.problem().contains(word), refused.getMessage());
        return refused;
    }

    @Test
    void aHeadBehindTheBaseModelsPrefixGetsItsOwnName() throws IOException {
        Path source = write(CheckpointFixture.llama("false")
                .embedding(E)
                .with("model." + HEAD, F32, ROWS, WIDTH, H)
                .complete());
        Map<String, String> before = hashes(weights(source));
        assertTrue(TieAudit.of(source).has(FindingCode.T23));

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(List.of(), after.findings());
        assertEquals(
                Map.of(EMBEDDING, before.get(EMBEDDING), HEAD, before.get("model." + HEAD)), hashes(weights(source)));
    }

    @Test
    void aTextModelUnderTheNamesOfItsMultimodalModelKeepsBothValues() throws IOException {
        Path source = write(CheckpointFixture.llama("true")
                .with("model.language_model.embed_tokens.weight", F32, ROWS, WIDTH, E)
                .head(H)
                .complete());
        Map<String, String> before = hashes(weights(source));

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(List.of(), after.findings());
        assertEquals(
                Map.of(EMBEDDING, before.get("model.language_model.embed_tokens.weight"), HEAD, before.get(HEAD)),
                hashes(weights(source)));
        assertFalse(Written.flag(source));
    }

    @Test
    void aHeadDoesNotTakeThePlaceOfAnEmbeddingUnderAnotherName() throws IOException {
        Path source = write(CheckpointFixture.llama("true")
                .with("model.text.embed_tokens.weight", F32, ROWS, WIDTH, E)
                .with("other.weight", F32, ROWS, WIDTH, E)
                .head(H)
                .complete());

        assertRefused("model.text.embed_tokens.weight", () -> Repair.applyInPlace(Repair.plan(source, LOSSLESS)));
    }

    @Test
    void bytesThatBelongToNoTensorAreLeftOut() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E));
        Map<String, String> before = hashes(weights(source));
        new EditedFile(weights(source)).append(12).write();
        Fix fix = TieAudit.of(source).findings().getFirst().fix();
        assertEquals(Fix.of(Remedy.Repair.into(Path.of(source + "-repaired"), source)), fix);

        TieAudit after = repairedAside(source);

        assertEquals(List.of(), after.findings());
        assertEquals(before, hashes(weights(temporary.resolve("target"))));
    }

    @Test
    void aGapIsClosed() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E).head(E));
        Map<String, String> before = hashes(weights(source));
        before.remove(HEAD);
        before.remove("model.norm.weight");
        new EditedFile(weights(source))
                .header(header -> header.without("model.norm.weight"))
                .write();

        TieAudit after = repairedAside(source);

        assertEquals(List.of(), after.findings());
        assertEquals(before, hashes(weights(temporary.resolve("target"))));
    }

    @Test
    void twoNamesForTheSameBytesAreTwoTensors() throws IOException {
        Path source = write(CheckpointFixture.llama("false").embedding(E));
        String value = hashes(weights(source)).get(EMBEDDING);
        new EditedFile(weights(source))
                .header(header -> header.with(HEAD, header.requireObject(EMBEDDING)))
                .write();

        repairedAside(source);

        Map<String, String> after = hashes(weights(temporary.resolve("target")));
        assertEquals(value, after.get(HEAD));
        assertEquals(value, after.get(EMBEDDING));
    }

    @Test
    void metadataBecomesText() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E));
        new EditedFile(weights(source))
                .header(header -> header.with(
                        "__metadata__", header.requireObject("__metadata__").with("step", 3L)))
                .write();

        repairedAside(source);

        assertEquals(
                "3",
                SafetensorsFile.readHeader(weights(temporary.resolve("target")))
                        .metadata()
                        .get("step"));
    }

    @Test
    void anOverlapIsADoubt() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E));
        new EditedFile(weights(source)).move("model.norm.weight", -4).write();
        Finding finding = TieAudit.of(source).findings().getFirst();

        assertEquals(FindingCode.T22, finding.code());
        assertEquals(List.of(), finding.fix().remedies());
        assertRefused("overlaps", () -> Repair.plan(source, LOSSLESS));
    }

    @Test
    void aHalfFileIsADoubt() throws IOException {
        Path source = write(CheckpointFixture.llama("true").embedding(E));
        byte[] whole = Files.readAllBytes(weights(source));
        Files.write(weights(source), Arrays.copyOf(whole, whole.length - 4));

        assertRefused("the file does not hold the missing bytes", () -> Repair.plan(source, LOSSLESS));
    }

    @Test
    void aRepeatedTensorGoesFromTheShardThatTheIndexDoesNotName() throws IOException {
        Path source = twice(E);
        Path target = temporary.resolve("target");

        TieAudit after = Repair.apply(Repair.plan(source, LOSSLESS), target);

        assertEquals(List.of(), after.findings());
        assertFalse(hashes(target.resolve("model-00002-of-00002.safetensors")).containsKey(EMBEDDING));
        assertTrue(hashes(target.resolve("model-00001-of-00002.safetensors")).containsKey(EMBEDDING));
        assertEquals(
                (2L * ROWS * WIDTH + WIDTH) * 4,
                ShardIndex.read(target.resolve("model.safetensors.index.json"))
                        .totalSize()
                        .orElseThrow());
    }

    @Test
    void aTensorWithTwoValuesIsADoubt() throws IOException {
        Path source = twice(H);

        assertRefused("with different values", () -> Repair.plan(source, LOSSLESS));
    }

    /// @param again what the second shard has under the embedding's name
    private Path twice(CheckpointFixture.Values again) throws IOException {
        Path source =
                write(CheckpointFixture.llama("false").embedding(E).head(H).sharded());
        Path other = CheckpointFixture.llama("false").embedding(again).head(H).write(temporary.resolve("other"));
        Files.copy(
                weights(other),
                source.resolve("model-00002-of-00002.safetensors"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        return source;
    }

    @Test
    void aNameInFrontOfEveryTensorGoes() throws IOException {
        Path source = write(wrapped(E).with("_orig_mod.model.norm.weight", F32, 1, WIDTH, E));
        TieAudit before = TieAudit.of(source);
        assertTrue(
                before.has(FindingCode.T23) && before.has(FindingCode.T02B),
                () -> before.findings().toString());

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(List.of(), after.findings());
        assertEquals(
                List.of("extra", EMBEDDING, "model.norm.weight"),
                List.copyOf(hashes(weights(source)).keySet()));
        assertTrue(Repair.plan(source, LOSSLESS).changesNothing());
    }

    @Test
    void aNameInFrontOfSomeIsADoubt() throws IOException {
        Path source = write(CheckpointFixture.llama("true")
                .with("module." + EMBEDDING, F32, ROWS, WIDTH, E)
                .with("model.norm.weight", F32, 1, WIDTH, E));

        assertFalse(TieAudit.of(source).has(FindingCode.T23));
        assertRefused("not in the files", () -> Repair.plan(source, LOSSLESS));
    }

    private static CheckpointFixture wrapped(CheckpointFixture.Values embedding) {
        return CheckpointFixture.llama("true")
                .with("_orig_mod.model.embed_tokens.weight", F32, ROWS, WIDTH, embedding)
                .zeros("_orig_mod.extra", F32, List.of(1L));
    }

    @Test
    void aHeadUnderAnotherNameGetsTheOneThatIsLoaded() throws IOException {
        Path source = write(stray("false", "decoder.lm_head.weight", H));
        String value = hashes(weights(source)).get("decoder.lm_head.weight");
        requirePasted(source);

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(List.of(), after.findings());
        assertEquals(value, hashes(weights(source)).get(HEAD));
    }

    @Test
    void aCopyOfTheEmbeddingUnderAnotherNameGoes() throws IOException {
        Path source = write(stray("true", "decoder.lm_head.weight", E));
        requirePasted(source);

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(List.of(), after.findings());
        assertEquals(
                List.of(EMBEDDING, "model.norm.weight"),
                List.copyOf(hashes(weights(source)).keySet()));
    }

    private static void requirePasted(Path source) {
        Finding finding = TieAudit.of(source).findings().stream()
                .filter(each -> each.code() == FindingCode.T23)
                .findFirst()
                .orElseThrow();
        assertEquals(Fix.of(Remedy.Repair.inPlace(source)), finding.fix());
    }

    /// The flag or the head is wrong, and the files do not say which.
    @Test
    void aStrayHeadAgainstTheFlagIsTheOwnersToDecide() throws IOException {
        Path source = write(stray("true", "decoder.lm_head.weight", H));
        BowlineException refused = assertRefused("other values", () -> Repair.plan(source, LOSSLESS));
        assertEquals(
                List.of(
                        Remedy.Repair.inPlace(source, Remedy.Decision.UNTIED),
                        Remedy.Repair.inPlace(source, Remedy.Decision.KEEP_EMBEDDING)),
                refused.howToFix().remedies());

        RepairPlan untied = Repair.plan(source, new RepairOptions(Optional.empty(), Optional.of(Declare.UNTIED)));
        RepairPlan kept = Repair.plan(source, new RepairOptions(Optional.of(Role.EMBEDDING), Optional.empty()));

        assertEquals(List.of(), untied.after().findings());
        assertEquals(PhysicalState.Kind.BOTH_DIFFER, untied.after().state().kind());
        assertEquals(List.of(), untied.losses());
        assertEquals(List.of(), kept.after().findings());
        assertEquals(PhysicalState.Kind.EMBED_ONLY, kept.after().state().kind());
        assertEquals(1, kept.losses().size());
    }

    @Test
    void aHeadOfAnUnknownModuleIsADoubt() throws IOException {
        Path source = write(stray("false", "reward.lm_head.weight", H));

        assertRefused("another module", () -> Repair.plan(source, LOSSLESS));
    }

    @Test
    void aHeadOfAnotherShapeIsADoubt() throws IOException {
        Path source = write(
                CheckpointFixture.llama("false").embedding(E).with("decoder.lm_head.weight", F32, ROWS + 1, WIDTH, H));

        assertRefused("has the shape", () -> Repair.plan(source, LOSSLESS));
    }

    @Test
    void twoStrayHeadsMustBeTheSame() throws IOException {
        CheckpointFixture both = stray("false", "decoder.lm_head.weight", H);
        Path source = write(both.with("transformer.lm_head.weight", F32, ROWS, WIDTH, H));
        Path differing =
                both.with("transformer.lm_head.weight", F32, ROWS, WIDTH, E).write(temporary.resolve("differing"));

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(List.of(), after.findings());
        assertEquals(3, hashes(weights(source)).size());
        assertRefused("have different values", () -> Repair.plan(differing, LOSSLESS));
    }

    private static CheckpointFixture stray(String flag, String key, CheckpointFixture.Values head) {
        return CheckpointFixture.llama(flag).embedding(E).with(key, F32, ROWS, WIDTH, head);
    }
}
