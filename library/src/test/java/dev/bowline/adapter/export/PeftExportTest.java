package dev.bowline.adapter.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// An adapter for PEFT has the keys and bytes that PEFT 0.21 writes for the base's class.
class PeftExportTest {

    private static final Path GEMMA4 = Golden.directory("gemma4", "moe_tied");

    @TempDir
    private Path temporary;

    private static Path fixture(String name) {
        return Golden.directory("adapters", name);
    }

    private static Path base(String adapter) {
        String base = Json.parse(fixture(adapter).resolve("peft_reference.json"))
                .asObject()
                .requireString("base");
        return Path.of("src", "test", "resources", "fixtures").resolve(base);
    }

    /// Old layouts become PEFT's; the rest keeps its bytes.
    @ParameterizedTest
    @CsvSource({
        "gemma4_experts_peft018, gemma4_experts",
        "gemma4_experts, gemma4_experts",
        "qwen3moe_gate_up, qwen3moe_gate_up",
        "qwen3moe_all_linear, qwen3moe_all_linear",
        "llama_shared, llama_shared",
        "llama_saved_parted, llama_saved_parted",
        "llama_tokens, llama_tokens",
        "qwen3_dora_rslora, qwen3_dora_rslora",
        "llama_untied_patterns, llama_untied_patterns"
    })
    void theTensorsAreThoseOfPeft(String adapter, String expected) {
        Path out = temporary.resolve("out");

        ExportReport report = AdapterExport.write(fixture(adapter), base(adapter), ExportTarget.PEFT, out);

        Golden peft = Golden.read(fixture(expected).resolve("adapter_model.safetensors"));
        Golden ours = Golden.read(out.resolve("adapter_model.safetensors"));
        assertEquals(peft.names(), ours.names());
        for (String name : peft.names()) {
            assertArrayEquals(peft.bytes(name), ours.bytes(name), name);
        }
        assertEquals(peft.names().size(), report.tensorsOut());
        try (AdapterFiles before = AdapterFiles.open(fixture(expected));
                AdapterFiles after = AdapterFiles.open(out)) {
            assertEquals(before.config(), after.config());
        }
    }

    @Test
    void namesOfAnotherClassBecomeThoseOfTheBase() {
        String text = "model.layers.0.self_attn.o_proj";
        long[] shape = Golden.read(GEMMA4.resolve("model.safetensors"))
                .shape("model.language_model.layers.0.self_attn.o_proj.weight");
        Path adapter = new AdapterFixture(GEMMA4)
                .linear(text, shape[0], shape[1], 2)
                .write(
                        temporary.resolve("adapter"),
                        LoraConfig.of(2, 4, new ModulePatterns.Regex("model\\.layers\\.0\\..*o_proj")));
        Path out = temporary.resolve("out");

        AdapterExport.write(adapter, GEMMA4, ExportTarget.PEFT, out);

        String module = "base_model.model.model.language_model.layers.0.self_attn.o_proj";
        assertEquals(
                Set.of(module + ".lora_A.weight", module + ".lora_B.weight"),
                Golden.read(out.resolve("adapter_model.safetensors")).names());
        assertEquals(
                List.of("0.self_attn.o_proj"),
                Json.parse(out.resolve("adapter_config.json"))
                        .asObject()
                        .requireArray("target_modules")
                        .strings());
    }

    /// Experts of NeMo AutoModel and experts apart become PEFT's, with the same deltas.
    @ParameterizedTest
    @CsvSource({
        "gemma4_experts_automodel, gemma4_experts",
        "qwen3moe_experts_automodel, qwen3moe_experts",
        "qwen3moe_experts_split, qwen3moe_experts"
    })
    void otherProgramsExpertsBecomePefts(String adapter, String expected) {
        Path out = temporary.resolve("out");

        AdapterExport.write(fixture(adapter), base(adapter), ExportTarget.PEFT, out);

        assertEquals(
                Golden.read(fixture(expected).resolve("adapter_model.safetensors"))
                        .names(),
                Golden.read(out.resolve("adapter_model.safetensors")).names());
        try (AdapterFiles after = AdapterFiles.open(out)) {
            assertEquals(
                    Set.of("experts.gate_up_proj", "experts.down_proj"),
                    after.config().targetParameters().stream()
                            .map(name -> name.replaceFirst("^mlp\\.", ""))
                            .collect(Collectors.toSet()));
        }
    }
}
