package dev.bowline.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.AdapterSummary;
import dev.bowline.adapter.AdapterSummary.Kind;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.json.Json;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The table of an adapter has a row for each kind of module, and fits a terminal of 80 columns.
class AdapterTextTest {

    private static final AdapterSummary SUMMARY = new AdapterSummary(
            List.of(
                    new Kind(
                            "model.language_model.layers.*.self_attn.q_proj",
                            List.of(
                                    linear("model.language_model.layers.0.self_attn.q_proj", Variant.DORA),
                                    linear("model.language_model.layers.1.self_attn.q_proj", Variant.DORA))),
                    new Kind(
                            "model.language_model.layers.*.mlp.experts.gate_up_proj",
                            List.of(new ExpertPairs(
                                    "model.language_model.layers.0.mlp.experts.gate_up_proj", 128, 768, 2048, 4, 2.5))),
                    new Kind("lm_head", List.of(linear("lm_head", Variant.LORA))),
                    new Kind(
                            "model.embed_tokens",
                            List.of(new EmbeddingPair("model.embed_tokens", 1000, 64, 2, 0.70710678, Uses.BOTH))),
                    new Kind("model.norm", List.of(new SavedModule("model.norm", List.of(64L), 0, Uses.NAMED))),
                    new Kind(
                            "model.language_model.embed_tokens",
                            List.of(new TokenRows(
                                    "model.language_model.embed_tokens", List.of(3L, 4L), 64, Uses.BOTH)))),
            10_000_000);

    private static LinearPair linear(String name, Variant variant) {
        return new LinearPair(name, 64, 4096, 8, 4, variant);
    }

    @Test
    void everyKindIsARowUnderItsLayers() {
        assertEquals("""
                  adapter                     count  weight              rank  scale    trained
                  model.language_model.layers.*
                    self_attn.q_proj              2  [4096, 64]        DoRA 8      4     74,752
                    mlp.experts.gate_up_proj      1  [128, 2048, 768]       4    2.5  1,441,792
                  lm_head                         1  [4096, 64]             8      4     33,280
                  model.embed_tokens (tied)       1  [1000, 64]             2  0.707      2,128
                  model.norm                      1  [64]               whole                64
                  model.language_model
                    embed_tokens (tied)           1  [2, 64]             rows               128

                adapter: 7 modules, 1,552,144 trained values, 13.436 % of 11,552,144
                """, new AdapterText().text(SUMMARY));
        assertTrue(new AdapterText().text(SUMMARY).lines().allMatch(line -> line.length() <= 80));
    }

    @Test
    void aProgramReadsEveryName() {
        String json = Json.compact(new AdapterJson().json(SUMMARY));

        assertTrue(json.contains("""
                        {"pattern":"model.language_model.layers.*.self_attn.q_proj","modules":["model.language_model.\
                        layers.0.self_attn.q_proj","model.language_model.layers.1.self_attn.q_proj"],"form":"dora",\
                        "shape":[4096,64],"tied":false,"rank":8,"scale":4.0,"trained":74752}"""), json);
        assertTrue(json.startsWith("{\"trained\":1552144,\"all\":11552144,"), json);
        assertTrue(json.contains("\"form\":\"rows\",\"shape\":[2,64],\"tied\":true,\"rank\":null"), json);
    }
}
