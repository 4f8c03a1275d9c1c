package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.LanguageModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A feature of config.json that is not built is refused by its name, never ignored.
class ConfigReaderTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "llama/tied | is_causal | false | is_causal false",
                "llama/tied | attention_dropout | 1.0 | attention_dropout is 1.0",
                "llama/tied | attention_dropout | -0.1 | attention_dropout is -0.1",
                "llama/linear | partial_rotary_factor | 0.5 | partial_rotary_factor 0.5",
                "llama/tied | hidden_act | \"gelu_10\" | hidden_act 'gelu_10'",
                "llama/tied | quantization_config | {\"quant_method\":\"fp8\"} | quantization_config",
                "llama/tied | rope_scaling | {\"type\":\"su\"} | rope_type 'su'",
                "llama/tied | rope_scaling | {\"type\":\"longrope\"} | 'short_factor'",
                "llama/tied | rope_scaling | {\"type\":\"linear\"} | 'factor'",
                "llama/tied | layer_types | [\"sliding_attention\"] | layer_types",
                "llama/tied | num_key_value_heads | 3 | num_key_value_heads is 3",
                "llama/tied | pad_token_id | 96 | pad_token_id is 96",
                "llama/tied | per_layer_config | {\"1\":{\"intermediate_size\":24}} | per_layer_config",
                "llama/untied_old_config | rope_theta | 0 | rope_theta of the rotation is 0",
                "llama/tied | rope_scaling | {\"type\":\"linear\",\"factor\":0} | factor of the rotation is 0",
                "llama/tied | rope_parameters | {\"full_attention\":{\"rope_type\":\"default\"}} | 'full_attention'",
                "qwen2/tied | layer_types | [\"sliding_attention\",\"full_attention\",\"full_attention\"] | layer_types",
                "qwen3moe/normalised | output_router_logits | true | output_router_logits true",
                "qwen3moe/normalised | decoder_sparse_step | 0 | decoder_sparse_step is 0",
                "qwen3moe/normalised | num_experts_per_tok | 9 | num_experts_per_tok is 9",
                "smollm3/tied | no_rope_layers | [1, 0] | no_rope_layers has 2 entries",
                "smollm3/tied | no_rope_layer_interval | 0 | no_rope_layer_interval is 0",
                "gemma3/text_legacy | sliding_window_pattern | 0 | sliding_window_pattern is 0",
                "gemma3/text_tied | partial_rotary_factor | 0.5 | partial_rotary_factor 0.5",
                "gemma2/untied | use_bidirectional_attention | true | use_bidirectional_attention true",
                "gemma3/vision_untied | quantization_config | {\"quant_method\":\"fp8\"} | quantization_config",
                "mistral/vl_untied | quantization_config | {\"quant_method\":\"fp8\"} | quantization_config",
                "baichuan2/untied | rope_theta | 500000.0 | rope_theta 500000.0",
                "baichuan2/untied | rope_scaling | {\"type\":\"linear\",\"factor\":2.0} | rope_scaling",
                "baichuan2/untied | z_loss_weight | 0.1 | z_loss_weight 0.1"
            })
    void whatIsNotBuiltIsNamed(String variant, String key, String value, String named) {
        JsonValue setting = Json.parse(value, "value");
        JsonObject config = FamilyFixtures.config(variant).with(key, setting);

        BowlineException refused = assertThrows(BowlineException.class, () -> AutoModel.fromConfig(config));

        assertTrue(refused.problem().contains(named), refused.problem());
    }

    /// IgnoredKeysTest has every key of every class.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "llama/tied | sliding_window | 8 | sliding_window 8 of config.json",
                "llama/tied | partial_rotary_factor | 0.5 | partial_rotary_factor 0.5 of config.json",
                "llama/tied | rope_scaling | {\"type\":\"linear\",\"factor\":2.0,\"mrope_section\":[2]} | mrope_section",
                "qwen3/tied | rope_scaling | {\"type\":\"yarn\",\"factor\":2.0,\"attn_factor\":0.9} | attn_factor of the",
                "gemma3/text_tied | attn_logit_softcapping | 50.0 | attn_logit_softcapping 50.0 of config.json"
            })
    void whatTransformersIgnoresIsNoted(String variant, String key, String value, String noted) {
        JsonObject config = FamilyFixtures.config(variant).with(key, Json.parse(value, "value"));

        try (LanguageModel model = AutoModel.fromConfig(config)) {
            assertEquals(1, model.notes().size(), model.notes().toString());
            assertTrue(model.notes().getFirst().startsWith(noted), model.notes().getFirst());
        }
    }

    @Test
    void theLargerBaichuanIsRefusedForItsAttention() {
        JsonObject config = FamilyFixtures.config("baichuan2/untied").without("max_position_embeddings");

        BowlineException refused = assertThrows(BowlineException.class, () -> AutoModel.fromConfig(config));

        assertTrue(refused.problem().contains("ALiBi"), refused.problem());
    }

    @Test
    void aTextModelOfAnotherFamilyInsideAVisionLanguageModelIsRefused() {
        JsonObject config = FamilyFixtures.config("mistral/vl_untied");
        JsonObject text = config.requireObject("text_config").with("model_type", "qwen2");

        BowlineException refused =
                assertThrows(BowlineException.class, () -> AutoModel.fromConfig(config.with("text_config", text)));

        assertTrue(refused.problem().contains("'qwen2'"), refused.problem());
    }

    /// The config says 128 positions, or 16 beside a dynamic rotation.
    @ParameterizedTest
    @CsvSource({"llama/dynamic, 128", "llama/linear, 512", "qwen2/yarn, 128", "llama/tied, 128"})
    void aStretchedRotationReachesAsFarAsItsFactorSays(String variant, int positions) {
        try (LanguageModel model = FamilyFixtures.build(variant)) {
            assertEquals(positions, model.maxPositions());
        }
    }

    @Test
    void yarnReachesPastTheLengthOfThePretrainingThatTheConfigSays() {
        JsonObject config = FamilyFixtures.config("qwen2/yarn").with("max_position_embeddings", JsonValue.of(16));

        try (LanguageModel model = AutoModel.fromConfig(config)) {
            assertEquals(64, model.maxPositions());
        }
    }
}
