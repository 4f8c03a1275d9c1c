package dev.bowline.adapter.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.Scaling;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// An adapter for vLLM has the names that vLLM's classes bind, one rank, and alpha / rank 1; its deltas are the
/// adapter's.
class VllmExportTest {

    private static final Path QWEN3_MOE = Golden.directory("families", "qwen3moe/normalised");
    private static final Path GEMMA4_MOE = Golden.directory("gemma4", "moe_tied");
    private static final Path LLAMA = Golden.directory("families", "llama/tied");
    private static final String GEMMA4_LAYER = "model.language_model.layers.0.";

    @TempDir
    private Path temporary;

    private static LoraConfig lora(int rank, double alpha, Scaling scaling, Map<String, Long> ranks) {
        LoraConfig plain = LoraConfig.of(rank, alpha, new ModulePatterns.Regex(".*"));
        return new LoraConfig(
                rank,
                alpha,
                0,
                plain.dropoutPosition(),
                scaling,
                Variant.LORA,
                plain.loraAInit(),
                plain.targetModules(),
                plain.excludeModules(),
                List.of("experts.gate_up_proj", "experts.down_proj"),
                List.of(),
                new LinkedHashMap<>(ranks),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(),
                plain.tieMode());
    }

    private Written export(AdapterFixture fixture, LoraConfig settings, Path base) {
        Path adapter = fixture.write(temporary.resolve("adapter"), settings);
        Path out = temporary.resolve("out");
        ExportReport report = AdapterExport.write(adapter, base, ExportTarget.VLLM, out);
        return new Written(
                Golden.read(out.resolve("adapter_model.safetensors")),
                Json.parse(out.resolve("adapter_config.json")).asObject(),
                report);
    }

    private record Written(Golden file, JsonObject config, ExportReport report) {

        float[] floats(String key) {
            byte[] bytes = file.bytes("base_model.model." + key);
            float[] values = new float[bytes.length / 4];
            ByteBuffer.wrap(bytes)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(values);
            return values;
        }

        /// B A of the written pair, which vLLM adds with the factor alpha / r = 1.
        float[] delta(String module, int out, int in) {
            return AdapterFixture.merged(
                    new float[out * in], floats(module + ".lora_A.weight"), floats(module + ".lora_B.weight"), 1);
        }
    }

    @Test
    void ranksAndScalesBecomeOne() {
        String q = "model.layers.0.self_attn.q_proj";
        String v = "model.layers.1.self_attn.v_proj";
        AdapterFixture fixture = new AdapterFixture(LLAMA).linear(q, 32, 32, 4).linear(v, 16, 32, 2);

        Written written = export(fixture, lora(2, 3, Scaling.RSLORA, Map.of("q_proj", 4L)), LLAMA);

        assertEquals(4, written.config().requireLong("r"));
        assertEquals(4, written.config().requireLong("lora_alpha"));
        assertEquals(Set.of(), written.config().requireObject("rank_pattern").keys());
        assertFalse(written.config().requireBoolean("use_rslora"));
        assertEquals(4, written.file().shape("base_model.model." + v + ".lora_A.weight")[0]);
        assertArrayEquals(fixture.merged(q, new float[32 * 32], 3 / 2.0), written.delta(q, 32, 32), 1e-5f);
        assertArrayEquals(fixture.merged(v, new float[16 * 32], 3 / Math.sqrt(2)), written.delta(v, 16, 32), 1e-5f);
        assertEquals(4, written.report().tensorsIn());
        assertEquals(4, written.report().tensorsOut());
        assertTrue(
                written.report().notes().getFirst().contains("--max-lora-rank 8 "),
                written.report().notes().toString());
    }

    @Test
    void everyExpertHasAPairPerProjection() {
        Golden base = Golden.read(QWEN3_MOE.resolve("model.safetensors"));
        int experts = Math.toIntExact(base.names().stream()
                .filter(name -> name.matches("model\\.layers\\.0\\.mlp\\.experts\\.\\d+\\.up_proj\\.weight"))
                .count());
        int width = Math.toIntExact(base.shape("model.layers.0.mlp.experts.0.up_proj.weight")[0]);
        String module = "model.layers.0.mlp.experts";
        int rank = 2;
        AdapterFixture fixture = new AdapterFixture(QWEN3_MOE)
                .with(module + ".base_layer.lora_A.weight", (long) experts * rank, 32)
                .with(module + ".base_layer.lora_B.weight", 2L * width, (long) rank * experts)
                .with(module + ".lora_A.weight", (long) experts * rank, width)
                .with(module + ".lora_B.weight", 32, (long) rank * experts);

        Written written = export(fixture, lora(rank, 5, Scaling.LORA, Map.of()), QWEN3_MOE);

        assertEquals(4, written.report().tensorsIn());
        assertEquals(experts * 3 * 2, written.report().tensorsOut());
        int last = experts - 1;
        float[] gateUp = expertDelta(fixture, module + ".base_layer", experts, last, 2 * width, 32, rank, 2.5);
        float[] down = expertDelta(fixture, module, experts, last, 32, width, rank, 2.5);
        String name = module + "." + last;
        assertArrayEquals(
                Arrays.copyOfRange(gateUp, 0, width * 32), written.delta(name + ".gate_proj", width, 32), 1e-5f);
        assertArrayEquals(
                Arrays.copyOfRange(gateUp, width * 32, 2 * width * 32),
                written.delta(name + ".up_proj", width, 32),
                1e-5f);
        assertArrayEquals(down, written.delta(name + ".down_proj", 32, width), 1e-5f);
        assertArrayEquals(
                written.floats(name + ".gate_proj.lora_A.weight"), written.floats(name + ".up_proj.lora_A.weight"));
    }

    /// PEFT's algebra: A as [experts, rank, in], B as [out, rank, experts].
    private static float[] expertDelta(
            AdapterFixture fixture, String module, int experts, int expert, int out, int in, int rank, double scale) {
        float[] a = fixture.values(module + ".lora_A.weight");
        float[] b = fixture.values(module + ".lora_B.weight");
        float[] delta = new float[out * in];
        for (int row = 0; row < out; row++) {
            for (int column = 0; column < in; column++) {
                double sum = 0;
                for (int i = 0; i < rank; i++) {
                    sum += (double) b[(row * rank + i) * experts + expert] * a[(expert * rank + i) * in + column];
                }
                delta[row * in + column] = (float) (scale * sum);
            }
        }
        return delta;
    }

    @Test
    void theExpertsOfGemma4AreInMoe() {
        String module = GEMMA4_LAYER + "experts";
        JsonObject text =
                Json.parse(GEMMA4_MOE.resolve("config.json")).asObject().requireObject("text_config");
        int experts = text.requireInt("num_experts");
        int width = text.requireInt("moe_intermediate_size");
        AdapterFixture fixture = new AdapterFixture(GEMMA4_MOE)
                .with(module + ".base_layer.lora_A.weight", experts, 32)
                .with(module + ".base_layer.lora_B.weight", 2L * width, experts)
                .with(module + ".lora_A.weight", experts, width)
                .with(module + ".lora_B.weight", 32, experts);

        Written written = export(fixture, lora(1, 1, Scaling.LORA, Map.of()), GEMMA4_MOE);

        Set<String> modules = new TreeSet<>();
        written.file().names().forEach(key -> modules.add(key.replaceFirst("\\.lora_[AB]\\.weight$", "")));
        assertTrue(
                modules.contains("base_model.model.model.language_model.layers.0.moe.experts.0.gate_proj"),
                modules.toString());
        assertEquals(experts * 3, modules.size());
    }

    /// In a layer without v_proj the values are the keys, and vLLM holds k_proj's weight twice.
    @Test
    void aDeltaOfKeysThatAreValuesIsWrittenForBoth() {
        JsonObject text =
                Json.parse(GEMMA4_MOE.resolve("config.json")).asObject().requireObject("text_config");
        int full = text.requireArray("layer_types").strings().indexOf("full_attention");
        String keys = "model.language_model.layers.%d.self_attn.k_proj".formatted(full);
        String values = keys.replace("k_proj", "v_proj");
        String sliding = keys.replace("layers." + full, "layers.0");
        long rows = Golden.read(GEMMA4_MOE.resolve("model.safetensors")).shape(keys + ".weight")[0];
        long slidingRows = Golden.read(GEMMA4_MOE.resolve("model.safetensors")).shape(sliding + ".weight")[0];
        AdapterFixture fixture =
                new AdapterFixture(GEMMA4_MOE).linear(keys, rows, 32, 2).linear(sliding, slidingRows, 32, 2);

        Written written = export(fixture, lora(2, 4, Scaling.LORA, Map.of()), GEMMA4_MOE);

        assertEquals(6, written.report().tensorsOut());
        assertArrayEquals(written.floats(keys + ".lora_B.weight"), written.floats(values + ".lora_B.weight"));
        assertFalse(written.file().has("base_model.model." + sliding.replace("k_proj", "v_proj") + ".lora_A.weight"));
    }

    @Test
    void embeddingsAndHeadOfLlamaKeepTheirNames() {
        AdapterFixture fixture = new AdapterFixture(LLAMA)
                .embedding("model.embed_tokens", 96, 32, 2)
                .linear("lm_head", 96, 32, 3);

        Written written = export(fixture, lora(2, 4, Scaling.LORA, Map.of("lm_head", 3L)), LLAMA);

        assertEquals(
                Set.of(
                        "base_model.model.model.embed_tokens.lora_embedding_A",
                        "base_model.model.model.embed_tokens.lora_embedding_B",
                        "base_model.model.lm_head.lora_A.weight",
                        "base_model.model.lm_head.lora_B.weight"),
                written.file().names());
        assertEquals(3, written.file().shape("base_model.model.model.embed_tokens.lora_embedding_A")[0]);
    }
}
