package dev.bowline.adapter.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.fixtures.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The Modelfile names the base, the adapter, and every token that ends an answer.
class OllamaExportTest {

    @TempDir
    private Path temporary;

    private static final LoraConfig CONFIG = LoraConfig.of(2, 4, new ModulePatterns.Named(List.of("o_proj")));

    private Path copy(Path fixture, String generationConfig) throws IOException {
        Path base = Files.createDirectory(temporary.resolve("base"));
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(fixture.resolve(name), base.resolve(name));
        }
        Files.writeString(base.resolve("generation_config.json"), generationConfig);
        Files.writeString(base.resolve("tokenizer.json"), """
                {"added_tokens": [{"id": 2, "content": "</s>"}, {"id": 7, "content": "<|end \\"quoted\\"|>"}],
                 "model": {"type": "BPE", "vocab": {"a": 3}, "merges": []}}""");
        return base;
    }

    @Test
    void everyEndOfAnAnswerIsAStop() throws IOException {
        Path base = copy(Golden.directory("families", "llama/tied"), "{\"eos_token_id\": [2, 7, 90]}");
        Path adapter = new AdapterFixture(base)
                .linear("model.layers.0.self_attn.o_proj", 32, 32, 2)
                .write(temporary.resolve("adapter"), CONFIG);
        Path out = temporary.resolve("out");

        ExportReport report = AdapterExport.write(adapter, base, ExportTarget.OLLAMA, out);

        assertEquals("""
                FROM %s
                ADAPTER ./adapter.gguf
                PARAMETER stop "</s>"
                PARAMETER stop \"""<|end "quoted"|>\"""
                """.formatted(base.toAbsolutePath()), Files.readString(out.resolve("Modelfile")));
        assertTrue(
                report.notes().getFirst().contains("does not name 1 of the 3 tokens"),
                report.notes().toString());
        try (Stream<Path> files = Files.list(out)) {
            assertEquals(
                    List.of("Modelfile", "adapter.gguf"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void aBaseThatOllamaDoesNotImportIsAGgufFile() throws IOException {
        Path base = copy(Golden.directory("families", "qwen3/tied"), "{\"eos_token_id\": 2}");
        long[] shape = Golden.read(base.resolve("model.safetensors")).shape("model.layers.0.self_attn.o_proj.weight");
        Path adapter = new AdapterFixture(base)
                .linear("model.layers.0.self_attn.o_proj", shape[0], shape[1], 2)
                .write(temporary.resolve("adapter"), CONFIG);
        Path out = temporary.resolve("out");

        ExportReport report = AdapterExport.write(adapter, base, ExportTarget.OLLAMA, out);

        assertTrue(Files.readString(out.resolve("Modelfile")).startsWith("FROM ./base.gguf\n"));
        assertTrue(
                report.notes().getFirst().contains("does not import the safetensors files of Qwen3ForCausalLM"),
                report.notes().toString());
    }
}
