package dev.bowline.audit;

import static dev.bowline.audit.CheckpointFixture.E;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.audit.findings.Severity;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonWalk;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.ShardPlan;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What is no checkpoint, or hardly one, is named as what it is: by a finding, or by an error with its file and fix.
class OddDirectoriesTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    private Path temporary;

    private int written;

    private Path checkpoint() throws IOException {
        return CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("odd" + written++));
    }

    private Path sharded() throws IOException {
        return CheckpointFixture.llama("true").embedding(E).sharded().write(temporary.resolve("odd" + written++));
    }

    private static String refused(Path path) {
        BowlineException refusal = assertThrows(
                BowlineException.class, () -> assertTimeoutPreemptively(SOON, () -> TieAudit.of(path)), path::toString);
        assertTrue(!refusal.fix().isBlank());
        return refusal.problem();
    }

    private static void requireRefused(Path path, String words) {
        String problem = refused(path);
        assertTrue(problem.contains(words), problem);
    }

    /// A file is malformed, and nothing is said of a pair that nobody has seen.
    private static void requireMalformed(Path path, String words) {
        TieAudit audit = assertTimeoutPreemptively(SOON, () -> TieAudit.of(path));
        Finding finding = audit.findings().getFirst();
        assertEquals(FindingCode.T22, finding.code(), () -> audit.findings().toString());
        String problem = finding.evidence().getFirst().value();
        assertTrue(problem.contains(words), problem);
        assertTrue(!audit.has(FindingCode.T02B), () -> audit.findings().toString());
    }

    private Path weights(byte[] bytes) throws IOException {
        Path directory = checkpoint();
        Files.write(directory.resolve(ShardPlan.SINGLE_FILE), bytes);
        return directory;
    }

    private Path header(String header, int dataBytes) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return weights(ByteBuffer.allocate(8 + text.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .array());
    }

    @Test
    void otherFormatsAreNamed() throws IOException {
        requireRefused(weights(new byte[0]), "it has only 0 bytes");
        requireRefused(weights(new byte[7]), "it has only 7 bytes");
        requireRefused(weights("GGUF............".getBytes(StandardCharsets.UTF_8)), "GGUF");
        requireRefused(weights("<!DOCTYPE html><html></html>".getBytes(StandardCharsets.UTF_8)), "a web page");
        requireRefused(
                weights("version https://git-lfs.github.com/spec/v1\n".getBytes(StandardCharsets.UTF_8)), "Git LFS");
        requireRefused(header("[]", 0), "does not start with '{'");
    }

    @Test
    void malformedHeadersAreFindings() throws IOException {
        requireMalformed(header("{\"a\":" + "[".repeat(100_000) + "}", 0), "nested more than");
        requireMalformed(header("{\"a\": 1}", 0), "expected an object for 'a'");
        requireMalformed(
                header("{\"a\": {\"dtype\": \"F32\", \"shape\": [-1], \"data_offsets\": [0, 4]}}", 4),
                "impossible shape");
        requireMalformed(
                header(
                        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1099511627776, 1099511627776],"
                                + " \"data_offsets\": [0, 4]}}",
                        4),
                "impossible shape");
        requireMalformed(
                header("{\"a\": {\"dtype\": \"F4\", \"shape\": [1], \"data_offsets\": [0, 1]}}", 1), "the dtype 'F4'");
        byte[] claims = Arrays.copyOf(new byte[] {0, 0, 0, 8, 0, 0, 0, 0, '{'}, 100);
        requireMalformed(weights(claims), "its header claims 134217728 bytes");
    }

    @Test
    void anEmptyShardIsAFindingOfThatShard() throws IOException {
        Path directory = sharded();
        Files.write(directory.resolve("model-00002-of-00002.safetensors"), new byte[0]);
        TieAudit audit = TieAudit.of(directory);

        assertTrue(audit.has(FindingCode.T22));
        assertEquals(Optional.of(Severity.HIGH), audit.worst());
    }

    @Test
    void namesThatLeadElsewhereAreRefusedAndNothingElseIsClaimed() throws IOException {
        for (String name : List.of("../outside.safetensors", "/etc/passwd", "..", "a/b.safetensors", "c:x")) {
            Path directory = checkpoint();
            Files.delete(directory.resolve(ShardPlan.SINGLE_FILE));
            Files.writeString(
                    directory.resolve(ShardIndex.FILE_NAME), "{\"weight_map\": {\"a\": \"%s\"}}".formatted(name));
            requireMalformed(directory, "is not the name of a file in the index's directory");
        }
    }

    @Test
    void anIndexOfAnotherFormatIsAFinding() throws IOException {
        for (String text : List.of("[]", "{\"weight_map\":".repeat(100_000), "{\"weight_map\": 3}", "")) {
            Path directory = sharded();
            Files.writeString(directory.resolve(ShardIndex.FILE_NAME), text);
            requireMalformed(directory, ShardIndex.FILE_NAME);
        }
    }

    @Test
    void aConfigOfAnotherFormatIsRefused() throws IOException {
        for (String text : List.of("", "[1]", "7", "architectures:\n- X\n", "[".repeat(5_000_000))) {
            Path directory = checkpoint();
            Files.writeString(directory.resolve(SourceFiles.CONFIG), text);
            requireRefused(directory, SourceFiles.CONFIG);
        }
        Path utf16 = checkpoint();
        Files.write(utf16.resolve(SourceFiles.CONFIG), "{}".getBytes(StandardCharsets.UTF_16));
        requireRefused(utf16, "is not UTF-8 text");
    }

    /// Deeper than the heap would have room for if every level were kept.
    @Test
    void aTokenizerThatIsABombIsLeftUnread() throws IOException {
        for (String bomb : List.of("[", "{\"model\":{\"vocab\":{\"b\":", "{\"a\":")) {
            Path directory = checkpoint();
            Files.writeString(directory.resolve("tokenizer.json"), bomb + "[".repeat(5_000_000));
            TieAudit audit = assertTimeoutPreemptively(SOON, () -> TieAudit.of(directory));
            assertEquals(List.of(), audit.findings());
            BowlineException deep = assertThrows(
                    BowlineException.class,
                    () -> JsonWalk.walk(directory.resolve("tokenizer.json"), JsonLimits.DEFAULT, NOTHING));
            assertTrue(deep.problem().contains("nests deeper"), deep.problem());
        }
    }

    private static final JsonWalk.Visitor NOTHING = new JsonWalk.Visitor() {
        @Override
        public boolean enters(List<String> path) {
            return path.isEmpty();
        }

        @Override
        public void string(List<String> path, String value) {}

        @Override
        public void number(List<String> path, String text) {}

        @Override
        public boolean isDone() {
            return false;
        }
    };

    @Test
    void linksAndDirectoriesInAFilesPlaceAreNamed() throws IOException {
        Path loop = Files.createDirectories(temporary.resolve("loop"));
        Files.createSymbolicLink(loop.resolve("again"), loop);
        Files.createSymbolicLink(loop.resolve(ShardPlan.SINGLE_FILE), loop.resolve(ShardPlan.SINGLE_FILE));
        requireRefused(loop, "a link that leads to none");
        assertEquals(List.of(loop), CheckpointTree.find(loop));

        Path configLoop = checkpoint();
        Files.delete(configLoop.resolve(SourceFiles.CONFIG));
        Files.createSymbolicLink(configLoop.resolve(SourceFiles.CONFIG), Path.of(SourceFiles.CONFIG));
        requireRefused(configLoop, "config.json is not a file: it is a link that leads to none");

        Path directories = checkpoint();
        Files.delete(directories.resolve(ShardPlan.SINGLE_FILE));
        Files.createDirectory(directories.resolve(ShardPlan.SINGLE_FILE));
        requireRefused(directories, "model.safetensors is not a file: it is a directory");

        Path index = sharded();
        Files.delete(index.resolve(ShardIndex.FILE_NAME));
        Files.createDirectory(index.resolve(ShardIndex.FILE_NAME));
        requireMalformed(index, "it is a directory");
    }

    /// Every prefix of every name was once tried: work on names is bounded.
    @Test
    void namesOfAnyLengthEndTheAudit() throws IOException {
        String parts = "a.".repeat(500);
        StringBuilder many = new StringBuilder("{");
        for (int i = 0; i < 2000; i++) {
            many.append("%s\"%s%06d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}"
                    .formatted(i == 0 ? "" : ",", parts, i, i, i + 1));
        }
        Path allowed = header(many.append('}').toString(), 2000);
        Path tooLong = header(
                "{\"%s\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}".formatted("a.".repeat(20_000)), 1);

        assertTimeoutPreemptively(SOON, () -> TieAudit.of(allowed));
        requireMalformed(tooLong, "names are read up to 1,024");
    }

    @Test
    void halfASurrogatePairIsNoName() throws IOException {
        String half = "\\ud800";
        for (String map : List.of("{\"a\": \"%s\"}", "{\"%s\": \"model-00001-of-00002.safetensors\"}")) {
            Path directory = sharded();
            Files.writeString(
                    directory.resolve(ShardIndex.FILE_NAME), "{\"weight_map\": %s}".formatted(map.formatted(half)));
            requireMalformed(directory, ShardIndex.FILE_NAME);
        }
    }

    /// A device has no end, and a pipe is waited for: both are named before they are opened.
    @Test
    void aDeviceIsNoFile() throws IOException {
        Path device = Path.of("/dev/zero");
        for (String name : List.of(SourceFiles.CONFIG, "generation_config.json", ShardPlan.SINGLE_FILE)) {
            Path directory = checkpoint();
            Files.deleteIfExists(directory.resolve(name));
            Files.createSymbolicLink(directory.resolve(name), device);

            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> assertTimeoutPreemptively(
                            SOON, () -> Checkpoint.open(directory).close()));

            assertTrue(refused.problem().contains(name + " is a pipe or a device"), refused.problem());
        }
    }

    @Test
    void aHundredThousandTensorsAreRead() throws IOException {
        StringBuilder header = new StringBuilder(
                "{\"model.embed_tokens.weight\":" + "{\"dtype\":\"F32\",\"shape\":[32,8],\"data_offsets\":[0,1024]}");
        for (int i = 0; i < 100_000; i++) {
            header.append(",\"model.layers.%d.x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}"
                    .formatted(i, 1024 + i, 1025 + i));
        }
        Path directory = header(header.append('}').toString(), 1024 + 100_000);

        TieAudit audit = assertTimeoutPreemptively(SOON, () -> TieAudit.of(directory));

        assertEquals(PhysicalState.Kind.EMBED_ONLY, audit.state().kind());
    }
}
