package dev.bowline.audit.evidence;

import static dev.bowline.audit.CheckpointFixture.E;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.findings.FindingCode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// tokenizer.json is read in one pass, however large it is.
class TokensTest {

    @TempDir
    private Path temporary;

    private void tokenizer(String json) throws IOException {
        Files.writeString(temporary.resolve("tokenizer.json"), json);
    }

    @Test
    void aTableOfTokens() throws IOException {
        tokenizer("""
                {"added_tokens": [{"id": 7, "content": "<pad>", "special": true}, {"content": "<s>", "id": 2}],
                 "pre_tokenizer": {"vocab": {"x": 99}, "model": {"vocab": {"y": 98}}},
                 "model": {"type": "BPE", "vocab": {"a": 0, "b": 5, "c": 1.5}, "merges": [["a", "b"]]}}""");

        assertEquals(Optional.of(8L), Tokens.size(temporary));
        assertEquals("b <s> <pad>", Tokens.of(temporary, List.of(5L, 2L, 7L, 3L)));
        assertEquals(
                List.of(2L, 7L), Tokens.special(temporary).stream().sorted().toList());
    }

    @Test
    void aListOfPieces() throws IOException {
        tokenizer("""
                {"model": {"type": "Unigram", "unk_id": 90, "vocab": [["<unk>", 0.0], ["a", -1.5], ["b", -2]]},
                 "added_tokens": []}""");

        assertEquals(Optional.of(3L), Tokens.size(temporary));
        assertEquals("b", Tokens.of(temporary, List.of(2L)));
    }

    @Test
    void addedTokensMayStandLast() throws IOException {
        tokenizer("""
                {"model": {"vocab": {"a": 0}, "merges": [["a", "b"]]}, "added_tokens": [{"id": 3, "content": "<x>"}]}""");

        assertEquals(Optional.of(4L), Tokens.size(temporary));
    }

    @Test
    void whatIsNoTokenizerSaysNothing() throws IOException {
        assertEquals(Optional.empty(), Tokens.size(temporary));
        for (String odd :
                List.of("", "[]", "7", "{", "{\"model\": {\"vocab\": {\"a\": 0}", "{\"model\": 3}", "\u0000")) {
            tokenizer(odd);
            assertEquals(Optional.empty(), Tokens.size(temporary), odd);
        }
        tokenizer("[".repeat(100_000));
        assertEquals(Optional.empty(), Tokens.size(temporary));
    }

    /// As large as the largest published ones; it used to be left out.
    @Test
    void oneOfTensOfMegabytesIsRead() throws IOException {
        Path checkpoint = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("large"));
        Path file = checkpoint.resolve("tokenizer.json");
        try (BufferedWriter writer = Files.newBufferedWriter(file)) {
            writer.write("{\"added_tokens\": [], \"model\": {\"vocab\": {");
            for (int i = 0; i < 250_000; i++) {
                writer.write("%s\"%060d\": %d".formatted(i == 0 ? "" : ",", i, i));
            }
            writer.write("}}}");
        }
        assertTrue(Files.size(file) > 16 << 20);

        assertTrue(TieAudit.of(checkpoint).has(FindingCode.T10), "250,000 tokens and 32 rows");
    }
}
