package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A merge that fails writes nothing and names the fix; its result is verified by the files.
class MergeCommandTest {

    private static final Path FIXTURES = Path.of("..", "library", "src", "test", "resources", "fixtures");
    private static final String LLAMA = FIXTURES.resolve("families/llama/tied").toString();

    @TempDir
    private Path directory = Path.of("");

    @Test
    void anAdapterOfTheHeadOfATiedPairNeedsATieMode() throws IOException {
        String out = directory.resolve("merged").toString();

        Ran refused = merge("llama_head", out);

        assertEquals(ExitCode.REFUSED, refused.exitCode());
        assertTrue(refused.err().contains("--tie-mode shared"), refused.err());
        assertTrue(refused.err().contains("--tie-mode untie"), refused.err());
        assertEquals(List.of(), files());

        merge("llama_head", out, "--tie-mode", "untie").succeeded();
        assertTrue(
                Files.readString(directory.resolve("merged/config.json")).contains("\"tie_word_embeddings\": false"));
        Ran.bowline("verify", out, "--base", LLAMA, "--adapter", adapter("llama_head"), "--tie-mode", "untie")
                .succeeded();
        Ran base = Ran.bowline("verify", LLAMA, "--base", LLAMA, "--adapter", adapter("llama_linear"));
        assertEquals(ExitCode.REFUSED, base.exitCode());
        assertTrue(base.out().contains("Not verified"), base.out());
    }

    @Test
    void aDirectoryWithFilesIsNoTarget() throws IOException {
        Files.writeString(directory.resolve("notes.txt"), "mine");

        Ran refused = merge("llama_linear", directory.toString());

        assertEquals(ExitCode.REFUSED, refused.exitCode());
        assertTrue(refused.err().contains("is not empty"), refused.err());
        assertEquals(List.of(directory.resolve("notes.txt")), files());
    }

    @Test
    void anAdapterOfAnotherModelLeavesNothing() throws IOException {
        Ran refused = merge("phi3_fused", directory.resolve("merged").toString());

        assertEquals(ExitCode.REFUSED, refused.exitCode());
        assertFalse(refused.err().contains("\tat "), refused.err());
        assertEquals(List.of(), files());
    }

    private static Ran merge(String name, String out, String... more) {
        Stream<String> line = Stream.of("merge", "--base", LLAMA, "--adapter", adapter(name), "--out", out);
        return Ran.bowline(Stream.concat(line, Stream.of(more)).toArray(String[]::new));
    }

    private static String adapter(String name) {
        return FIXTURES.resolve("adapters").resolve(name).toString();
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.toList();
        }
    }
}
