package dev.bowline.adapter.format;

import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/// The classes of vLLM that compute the language models of the families, with the names that an adapter's keys need.
///
/// Sources: `vllm/model_executor/models/` for `hf_to_vllm_mapper`, `embedding_modules` and the modules of experts,
/// `vllm/lora/lora_model.py` and `vllm/lora/utils.py` for the keys.
public enum VllmModel {
    LLAMA("model.", Experts.NONE, Embeddings.ADAPTED, Set.of("LlamaForCausalLM", "MistralForCausalLM")),
    PHI3("model.", Experts.NONE, Embeddings.ADAPTED, Set.of("Phi3ForCausalLM")),
    QWEN2("model.", Experts.NONE, Embeddings.PLAIN, Set.of("Qwen2ForCausalLM")),
    QWEN3("model.", Experts.NONE, Embeddings.ADAPTED, Set.of("Qwen3ForCausalLM")),
    QWEN3_MOE("model.", Experts.AS_IN_TRANSFORMERS, Embeddings.ADAPTED, Set.of("Qwen3MoeForCausalLM")),
    SMOLLM3("model.", Experts.NONE, Embeddings.PLAIN, Set.of("SmolLM3ForCausalLM")),
    BAICHUAN("model.", Experts.NONE, Embeddings.PLAIN, Set.of("BaichuanForCausalLM", "BaiChuanForCausalLM")),
    GEMMA2("model.", Experts.NONE, Embeddings.PLAIN, Set.of("GemmaForCausalLM", "Gemma2ForCausalLM")),
    GEMMA3("model.", Experts.NONE, Embeddings.PLAIN, Set.of("Gemma3ForCausalLM")),
    GEMMA3_WRAPPER("model.language_model.", Experts.NONE, Embeddings.PLAIN, Set.of("Gemma3ForConditionalGeneration")),
    GEMMA4("model.", Experts.IN_MOE, Embeddings.PLAIN, Set.of("Gemma4ForCausalLM")),
    GEMMA4_WRAPPER("model.language_model.", Experts.IN_MOE, Embeddings.PLAIN, Set.of("Gemma4ForConditionalGeneration")),
    MISTRAL3_WRAPPER(
            "model.language_model.", Experts.NONE, Embeddings.PLAIN, Set.of("Mistral3ForConditionalGeneration"));

    /// The module of the experts, inside a layer.
    enum Experts {
        NONE,
        /// `mlp.experts`.
        AS_IN_TRANSFORMERS,
        /// `moe.experts`, where transformers has `experts`.
        IN_MOE
    }

    /// The handling of a delta of the input embedding or of the head.
    enum Embeddings {
        /// The class lists both in `embedding_modules`.
        ADAPTED,
        /// The class lists none, so vLLM refuses the adapter.
        PLAIN
    }

    private final String prefix;
    private final Experts experts;
    private final Embeddings embeddings;
    private final Set<String> classes;

    VllmModel(String prefix, Experts experts, Embeddings embeddings, Set<String> classes) {
        this.prefix = prefix;
        this.experts = experts;
        this.embeddings = embeddings;
        this.classes = classes;
    }

    /// The model of a class in config.json.
    public static Optional<VllmModel> of(String className) {
        return Arrays.stream(values())
                .filter(model -> model.classes.contains(className))
                .findFirst();
    }

    /// The key's part for a module that is a linear or an embedding.
    public String module(String module) {
        return module.equals("lm_head") || module.endsWith(".lm_head") ? "lm_head" : prefix + ModuleName.body(module);
    }

    /// True if vLLM binds a key with this module's name. Gemma 4's classes know both prefixes.
    public boolean binds(String module) {
        boolean isGemma4 = this == GEMMA4 || this == GEMMA4_WRAPPER;
        return module(module).equals(module)
                || isGemma4 && (module.startsWith("model.language_model.") || module.startsWith("model."));
    }

    /// The key's part for a linear of one expert.
    ///
    /// @param parameter the stacked weight, such as `model.layers.0.mlp.experts.down_proj`
    /// @param projection gate_proj, up_proj or down_proj
    public String expert(String parameter, long expert, String projection) {
        String stack = ModuleName.body(parameter.substring(0, parameter.lastIndexOf('.')));
        String named = switch (experts) {
            case NONE, AS_IN_TRANSFORMERS -> stack;
            case IN_MOE -> stack.replaceFirst("(?<!\\.moe)\\.experts$", ".moe.experts");
        };
        return "%s%s.%d.%s".formatted(prefix, named, expert, projection);
    }

    /// True if the class has experts.
    public boolean hasExperts() {
        return experts != Experts.NONE;
    }

    /// True if the class takes a delta of the input embedding or of the head.
    public boolean adaptsEmbeddings() {
        return embeddings == Embeddings.ADAPTED;
    }
}
