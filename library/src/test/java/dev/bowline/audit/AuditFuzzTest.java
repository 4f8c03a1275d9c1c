package dev.bowline.audit;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whatever the bytes are, an audit ends with findings or with a message for the user, and soon.
class AuditFuzzTest {

    private static final int ROUNDS = 1500;
    private static final List<String> FILES = List.of(
            "config.json",
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors");

    @TempDir
    private Path temporary;

    @Test
    void mutatedCheckpointsNeverBreakTheAudit() throws IOException {
        Path source = CheckpointFixture.llama("true")
                .embedding(CheckpointFixture.E)
                .head(CheckpointFixture.H)
                .sharded()
                .write(temporary.resolve("source"));
        Files.writeString(source.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0}}}");
        Random random = new Random(20260301);
        int audited = 0;
        for (int round = 0; round < ROUNDS; round++) {
            String name = FILES.get(random.nextInt(FILES.size()));
            byte[] original = Files.readAllBytes(source.resolve(name));
            Files.write(source.resolve(name), MutatedBytes.of(original, random));
            int current = round;
            AuditOutcome outcome = assertTimeoutPreemptively(
                    Duration.ofSeconds(20),
                    () -> AuditOutcome.of(
                            source, new AuditOptions(java.util.Optional.of(source), java.util.Optional.empty())),
                    () -> "round " + current + " of " + name);
            audited += outcome instanceof AuditOutcome.Audited ? 1 : 0;
            Files.write(source.resolve(name), original);
        }
        assertTrue(audited > ROUNDS / 10, "only %d of %d were read at all".formatted(audited, ROUNDS));
    }
}
