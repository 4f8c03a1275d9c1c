package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `adapter export` writes an adapter for another program and tells what the program needs, or refuses and writes
/// nothing.
class AdapterExportCommandTest {

    private static final Path FIXTURES = Path.of("..", "library", "src", "test", "resources", "fixtures");
    private static final Path LLAMA =
            FIXTURES.resolve("families").resolve("llama").resolve("tied");

    @TempDir
    private Path directory;

    private Ran export(String adapter, Path base, String program) {
        return Ran.bowline(
                "adapter",
                "export",
                FIXTURES.resolve("adapters").resolve(adapter).toString(),
                "--for",
                program,
                "--base",
                base.toString(),
                "--out",
                out().toString());
    }

    private Path out() {
        return directory.resolve("out");
    }

    @Test
    void theRankThatVllmNeedsIsTold() {
        Ran ran = export("gemma4_experts", FIXTURES.resolve("gemma4").resolve("moe_tied"), "vllm")
                .succeeded();

        assertTrue(ran.out().contains("--max-lora-rank 8 or more"), ran.out());
        assertTrue(Files.exists(out().resolve("adapter_model.safetensors")));
    }

    @Test
    void aGgufFileIsWritten() {
        Ran ran = export("llama_linear", LLAMA, "llama.cpp").succeeded();

        assertTrue(ran.out().contains("wrote 42 tensors for llama.cpp"), ran.out());
        assertTrue(Files.exists(out().resolve("adapter.gguf")));
    }

    @Test
    void aRefusalNamesTheMerge() {
        Ran ran = export("llama_dora", LLAMA, "ollama");

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("Ollama cannot apply the adapter"), ran.err());
        assertTrue(ran.err().contains("merge --base"), ran.err());
        assertFalse(Files.exists(out()));
    }

    @Test
    void anotherProgramIsNotGuessed() {
        Ran ran = export("llama_linear", LLAMA, "sglang");

        assertEquals(ExitCode.USAGE, ran.exitCode());
        assertTrue(ran.err().contains("'sglang' is not one of peft, vllm, llama.cpp, ollama"), ran.err());
    }
}
