package dev.bowline.adapter.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Remedy;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.fixtures.Golden;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// An adapter that a program would apply in part, or to another tensor, is refused with a merge as the way out, and
/// nothing is written.
class ExportRefusalsTest {

    private static final Path LLAMA = Golden.directory("families", "llama/tied");
    private static final Path QWEN3_MOE = Golden.directory("families", "qwen3moe/normalised");
    private static final Path GEMMA2 = Golden.directory("families", "gemma2/untied");
    private static final Path GEMMA4_E2B = Golden.directory("gemma4", "e2b_like");
    private static final String Q = "model.layers.0.self_attn.q_proj";

    @TempDir
    private Path temporary;

    private int written;

    private static LoraConfig config(Variant variant, List<String> saved, Map<String, List<Long>> tokens) {
        LoraConfig plain = LoraConfig.of(2, 4, new ModulePatterns.Named(List.of("q_proj")));
        return new LoraConfig(
                2,
                4,
                0,
                plain.dropoutPosition(),
                plain.scaling(),
                variant,
                plain.loraAInit(),
                plain.targetModules(),
                plain.excludeModules(),
                List.of("experts.gate_up_proj"),
                saved,
                new LinkedHashMap<>(),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(tokens),
                plain.tieMode());
    }

    private static LoraConfig plain() {
        return config(Variant.LORA, List.of(), Map.of());
    }

    private void refused(AdapterFixture fixture, LoraConfig config, Path base, ExportTarget target, String reason) {
        Path adapter = fixture.write(temporary.resolve("adapter" + written), config);
        Path out = temporary.resolve("out" + written++);

        BowlineException refused =
                assertThrows(BowlineException.class, () -> AdapterExport.write(adapter, base, target, out));

        assertTrue(refused.problem().startsWith(target.title() + " cannot apply the adapter"), refused.problem());
        assertTrue(refused.problem().contains(reason), refused.problem());
        assertEquals(
                List.of(new Remedy.MergeAdapter(Optional.of(base), adapter)),
                refused.howToFix().remedies());
        assertFalse(Files.exists(out));
    }

    @Test
    void doraAndWholeValuesAreRefusedByServers() {
        for (ExportTarget target : List.of(ExportTarget.VLLM, ExportTarget.LLAMA_CPP, ExportTarget.OLLAMA)) {
            refused(
                    new AdapterFixture(LLAMA).linear(Q, 32, 32, 2).with(Q + ".lora_magnitude_vector", 32),
                    config(Variant.DORA, List.of(), Map.of()),
                    LLAMA,
                    target,
                    "it does not compute DoRA");
            refused(
                    new AdapterFixture(LLAMA).linear(Q, 32, 32, 2).with("model.norm.weight", 32),
                    config(Variant.LORA, List.of("norm"), Map.of()),
                    LLAMA,
                    target,
                    "such as 'base_model.model.model.norm.weight'");
            refused(
                    new AdapterFixture(LLAMA)
                            .linear(Q, 32, 32, 2)
                            .with("model.embed_tokens.token_adapter.trainable_tokens_delta", 2, 32),
                    config(Variant.LORA, List.of(), Map.of("embed_tokens", List.of(1L, 2L))),
                    LLAMA,
                    target,
                    "it loads no values that replace the base's");
        }
    }

    /// The written settings would no longer name the lost values.
    @Test
    void valuesThatTheSettingsNameAndTheFileLacksAreRefusedForEveryProgram() {
        for (ExportTarget target : ExportTarget.values()) {
            refusedAsLost(config(Variant.LORA, List.of("norm"), Map.of()), target, "'norm' in modules_to_save");
            refusedAsLost(
                    config(Variant.LORA, List.of(), Map.of("embed_tokens", List.of(1L))),
                    target,
                    "'embed_tokens' in trainable_token_indices");
        }
    }

    private void refusedAsLost(LoraConfig config, ExportTarget target, String lost) {
        Path adapter =
                new AdapterFixture(LLAMA).linear(Q, 32, 32, 2).write(temporary.resolve("adapter" + written), config);
        Path out = temporary.resolve("out" + written++);

        BowlineException refused =
                assertThrows(BowlineException.class, () -> AdapterExport.write(adapter, LLAMA, target, out));

        assertTrue(refused.problem().contains(lost), refused.problem());
        assertFalse(Files.exists(out));
    }

    /// llama.cpp multiplies with the token embedding for a tied head, and finds the delta of the lookup there.
    @Test
    void tiedTablesAreRefusedByLlamaCpp() {
        refused(
                new AdapterFixture(LLAMA).embedding("model.embed_tokens", 96, 32, 2),
                plain(),
                LLAMA,
                ExportTarget.LLAMA_CPP,
                "the base is tied");
        refused(
                new AdapterFixture(LLAMA).linear("lm_head", 96, 32, 2),
                plain(),
                LLAMA,
                ExportTarget.OLLAMA,
                "no delta of 'lm_head' fits");
    }

    @Test
    void expertsHaveNoFormInGguf() {
        Golden base = Golden.read(QWEN3_MOE.resolve("model.safetensors"));
        long experts = base.names().stream()
                .filter(name -> name.matches("model\\.layers\\.0\\.mlp\\.experts\\.\\d+\\.up_proj\\.weight"))
                .count();
        long width = base.shape("model.layers.0.mlp.experts.0.up_proj.weight")[0];
        refused(
                new AdapterFixture(QWEN3_MOE).linear("model.layers.0.mlp.experts", 2 * width, 32, 2 * experts),
                plain(),
                QWEN3_MOE,
                ExportTarget.LLAMA_CPP,
                "no form for the stacked experts of 'model.layers.0.mlp.experts.gate_up_proj'");
    }

    @Test
    void weightsThatNoAdapterReachesAreRefusedByLlamaCpp() {
        long rows = Golden.read(GEMMA4_E2B.resolve("model.safetensors"))
                .shape("model.language_model.per_layer_model_projection.weight")[0];
        refused(
                new AdapterFixture(GEMMA4_E2B).linear("model.language_model.per_layer_model_projection", rows, 32, 2),
                plain(),
                GEMMA4_E2B,
                ExportTarget.LLAMA_CPP,
                "it applies no delta to 'model.language_model.per_layer_model_projection'");
    }

    @Test
    void aHeadThatTheArchitectureLacksIsRefused() {
        long[] head = Golden.read(GEMMA2.resolve("model.safetensors")).shape("lm_head.weight");
        refused(
                new AdapterFixture(GEMMA2).linear("lm_head", head[0], head[1], 2),
                plain(),
                GEMMA2,
                ExportTarget.LLAMA_CPP,
                "it applies no delta to 'lm_head'");
        refused(
                new AdapterFixture(GEMMA2).linear("lm_head", head[0], head[1], 2),
                plain(),
                GEMMA2,
                ExportTarget.VLLM,
                "Gemma2ForCausalLM takes no delta of 'lm_head'");
    }

    @Test
    void aSavedBiasIsNotLeftOut() {
        refused(
                new AdapterFixture(LLAMA).linear(Q, 32, 32, 2).with("model.layers.0.self_attn.k_proj.bias", 16),
                config(Variant.LORA, List.of("k_proj"), Map.of()),
                LLAMA,
                ExportTarget.VLLM,
                "such as 'base_model.model.model.layers.0.self_attn.k_proj.bias'");
    }

    /// PEFT stores the base's table with the delta of an embedding; the program has the table already.
    @Test
    void theBasesOwnTablesAreCounted() {
        Path shared = Golden.directory("adapters", "llama_shared");

        ExportReport report = AdapterExport.write(shared, LLAMA, ExportTarget.VLLM, temporary.resolve("shared"));

        assertEquals(2, report.tensorsLeftOut());
        assertEquals(report.tensorsIn() - 2, report.tensorsOut());
    }

    @Test
    void anAdapterOfAnotherBaseIsRefusedWithTheTensor() {
        Path adapter = new AdapterFixture(LLAMA).linear(Q, 40, 32, 2).write(temporary.resolve("wide"), plain());
        Path missing = new AdapterFixture(LLAMA)
                .linear("model.layers.9.self_attn.q_proj", 32, 32, 2)
                .write(temporary.resolve("missing"), plain());
        Path out = temporary.resolve("out");

        String shapes = assertThrows(
                        BowlineException.class, () -> AdapterExport.write(adapter, LLAMA, ExportTarget.VLLM, out))
                .problem();
        String name = assertThrows(
                        BowlineException.class, () -> AdapterExport.write(missing, LLAMA, ExportTarget.VLLM, out))
                .problem();
        String hash = assertThrows(
                        BowlineException.class,
                        () -> AdapterExport.write(
                                adapter, Golden.directory("families", "llama/linear"), ExportTarget.VLLM, out))
                .problem();

        assertTrue(shapes.contains("changes a weight [40, 32] in '" + Q + "'"), shapes);
        assertTrue(name.contains("changes 'model.layers.9.self_attn.q_proj', which the base"), name);
        assertTrue(hash.contains("the base differs from it"), hash);
        assertFalse(Files.exists(out));
    }
}
