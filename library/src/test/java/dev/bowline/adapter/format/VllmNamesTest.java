package dev.bowline.adapter.format;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The key of a module names the module that vLLM's class has, after the class's `hf_to_vllm_mapper`. The mappers and
/// the modules are those of vllm-project/vllm, `vllm/model_executor/models/`.
class VllmNamesTest {

    /// `orig_to_new_prefix` of the classes that have one.
    private static final Map<String, SequencedMap<String, String>> MAPPERS = Map.of(
            "Gemma4ForCausalLM", prefixes("model.language_model.", "model."),
            "Gemma4ForConditionalGeneration",
                    prefixes(
                            "model.language_model.", "language_model.model.",
                            "lm_head.", "language_model.lm_head.",
                            "model.", "language_model.model."),
            "Gemma3ForConditionalGeneration",
                    prefixes(
                            "model.language_model.", "language_model.model.",
                            "lm_head.", "language_model.lm_head."),
            "Mistral3ForConditionalGeneration",
                    prefixes(
                            "model.language_model.", "language_model.model.",
                            "lm_head.", "language_model.lm_head."));

    private static SequencedMap<String, String> prefixes(String... pairs) {
        SequencedMap<String, String> prefixes = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            prefixes.put(pairs[i], pairs[i + 1]);
        }
        return prefixes;
    }

    /// `WeightsMapper._map_name`, of prefixes.
    private static String mapped(String className, String name) {
        String mapped = name;
        for (Map.Entry<String, String> prefix :
                MAPPERS.getOrDefault(className, new LinkedHashMap<>()).entrySet()) {
            if (mapped.startsWith(prefix.getKey())) {
                mapped = prefix.getValue() + mapped.substring(prefix.getKey().length());
            }
        }
        return mapped;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            LlamaForCausalLM                 | model.layers.0.self_attn.q_proj                | model.layers.0.self_attn.q_proj
            MistralForCausalLM               | model.layers.0.mlp.down_proj                   | model.layers.0.mlp.down_proj
            Phi3ForCausalLM                  | model.layers.0.self_attn.qkv_proj              | model.layers.0.self_attn.qkv_proj
            Qwen2ForCausalLM                 | model.layers.0.self_attn.o_proj                | model.layers.0.self_attn.o_proj
            Qwen3ForCausalLM                 | lm_head                                        | lm_head
            Qwen3MoeForCausalLM              | model.layers.0.mlp.gate                        | model.layers.0.mlp.gate
            SmolLM3ForCausalLM               | model.layers.0.self_attn.v_proj                | model.layers.0.self_attn.v_proj
            BaichuanForCausalLM              | model.layers.0.self_attn.W_pack                | model.layers.0.self_attn.W_pack
            Gemma2ForCausalLM                | model.layers.0.mlp.gate_proj                   | model.layers.0.mlp.gate_proj
            Gemma3ForCausalLM                | model.layers.0.mlp.up_proj                     | model.layers.0.mlp.up_proj
            Gemma3ForCausalLM                | model.language_model.layers.0.mlp.up_proj      | model.layers.0.mlp.up_proj
            Gemma3ForConditionalGeneration   | model.language_model.layers.0.mlp.up_proj      | language_model.model.layers.0.mlp.up_proj
            Gemma3ForConditionalGeneration   | language_model.model.layers.0.mlp.up_proj      | language_model.model.layers.0.mlp.up_proj
            Gemma3ForConditionalGeneration   | model.layers.0.mlp.up_proj                     | language_model.model.layers.0.mlp.up_proj
            Mistral3ForConditionalGeneration | model.layers.0.self_attn.k_proj                | language_model.model.layers.0.self_attn.k_proj
            Gemma4ForCausalLM                | model.layers.0.router.proj                     | model.layers.0.router.proj
            Gemma4ForCausalLM                | model.language_model.layers.0.mlp.up_proj      | model.layers.0.mlp.up_proj
            Gemma4ForConditionalGeneration   | model.layers.0.per_layer_input_gate            | language_model.model.layers.0.per_layer_input_gate
            Gemma4ForConditionalGeneration   | model.language_model.layers.0.self_attn.q_proj | language_model.model.layers.0.self_attn.q_proj
            """)
    void aLinearIsNamedAsVllmsModule(String className, String module, String vllm) {
        assertEquals(
                vllm, mapped(className, VllmModel.of(className).orElseThrow().module(module)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            Qwen3MoeForCausalLM            | model.layers.1.mlp.experts                | model.layers.1.mlp.experts.7.up_proj
            Gemma4ForCausalLM              | model.layers.1.experts                    | model.layers.1.moe.experts.7.up_proj
            Gemma4ForConditionalGeneration | model.language_model.layers.1.experts     | language_model.model.layers.1.moe.experts.7.up_proj
            Gemma4ForConditionalGeneration | model.language_model.layers.1.moe.experts | language_model.model.layers.1.moe.experts.7.up_proj
            """)
    void anExpertIsNamedAsVllmsModule(String className, String experts, String vllm) {
        assertEquals(
                vllm,
                mapped(
                        className,
                        VllmModel.of(className).orElseThrow().expert(experts + ".gate_up_proj", 7, "up_proj")));
    }

    /// Without the prefix the key names a module that the class does not have, and vLLM reports no error.
    @Test
    void theOtherPrefixNamesNoModuleOfAWrapper() {
        assertEquals(
                "model.layers.0.mlp.up_proj", mapped("Gemma3ForConditionalGeneration", "model.layers.0.mlp.up_proj"));
    }

    @Test
    void aClassOfNoKnownNamesIsNotGuessed() {
        assertEquals(Optional.empty(), VllmModel.of("GptOssForCausalLM"));
    }
}
