package dev.bowline.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.gguf.GgufPart.RowOrder;
import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Weights have the names that gguf-py gives them, and Llama's rows of queries and keys have llama.cpp's order.
class GgufArchitectureTest {

    private static final JsonObject NAMES =
            Json.parse(Path.of("src/test/resources/fixtures/gguf/names.json")).asObject();

    @Test
    void everyWeightHasTheNameOfGgufPy() {
        assertEquals(
                Arrays.stream(GgufArchitecture.values())
                        .map(GgufArchitecture::text)
                        .toList(),
                List.copyOf(NAMES.keys()));
        for (GgufArchitecture architecture : GgufArchitecture.values()) {
            JsonObject names = NAMES.requireObject(architecture.text());
            for (String module : names.keys()) {
                List<String> expected = names.require(module) instanceof JsonNull
                        ? List.of()
                        : List.of(names.requireString(module) + ".weight");
                assertEquals(
                        expected,
                        architecture.parts(module).stream().map(GgufPart::name).toList(),
                        architecture + " " + module);
            }
        }
    }

    @Test
    void aTextModelInsideAWrapperHasTheSameNames() {
        assertEquals(
                GgufArchitecture.GEMMA4.parts("model.layers.3.router.proj"),
                GgufArchitecture.GEMMA4.parts("model.language_model.layers.3.router.proj"));
        assertEquals(
                List.of(GgufPart.whole("token_embd.weight")),
                GgufArchitecture.GEMMA3.parts("language_model.model.embed_tokens"));
    }

    @Test
    void weightsThatNoAdapterReachesHaveNoName() {
        assertEquals(List.of(), GgufArchitecture.GEMMA4.parts("model.per_layer_model_projection"));
        assertEquals(List.of(), GgufArchitecture.GEMMA4.parts("model.embed_tokens_per_layer"));
        assertEquals(List.of(), GgufArchitecture.QWEN3MOE.parts("model.layers.0.mlp.experts"));
        assertEquals(List.of(), GgufArchitecture.GEMMA2.parts("lm_head"));
        assertEquals(Optional.empty(), GgufArchitecture.of("GptOssForCausalLM"));
    }

    @Test
    void theHalvesOfALlamaHeadAlternate() {
        GgufPart query =
                GgufArchitecture.LLAMA.parts("model.layers.0.self_attn.q_proj").getFirst();
        GgufPart key =
                GgufArchitecture.LLAMA.parts("model.layers.0.self_attn.k_proj").getFirst();

        assertEquals(List.of(0L, 2L, 1L, 3L, 4L, 6L, 5L, 7L), order(query, 8, 2, 1));
        assertEquals(List.of(0L, 4L, 1L, 5L, 2L, 6L, 3L, 7L), order(key, 8, 2, 1));
        assertEquals(
                RowOrder.SAME,
                GgufArchitecture.QWEN2
                        .parts("model.layers.0.self_attn.q_proj")
                        .getFirst()
                        .order());
    }

    @Test
    void thePartsOfAPackedProjectionFollowEachOther() {
        List<GgufPart> parts = GgufArchitecture.BAICHUAN.parts("model.layers.2.self_attn.W_pack");

        assertEquals(
                List.of("blk.2.attn_q.weight", "blk.2.attn_k.weight", "blk.2.attn_v.weight"),
                parts.stream().map(GgufPart::name).toList());
        assertEquals(List.of(4L, 6L, 5L, 7L), order(parts.get(1), 4, 1, 1));
        assertEquals(List.of(8L, 9L, 10L, 11L), order(parts.get(2), 4, 1, 1));
    }

    private static List<Long> order(GgufPart part, long rows, long queryHeads, long keyHeads) {
        return IntStream.range(0, (int) rows)
                .mapToObj(row -> part.sourceRow(row, rows, queryHeads, keyHeads))
                .toList();
    }
}
