package dev.bowline.gguf;

import dev.bowline.gguf.GgufPart.RowOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The architectures of llama.cpp that compute the language models of the families, with the names of the weights.
///
/// Sources: `gguf-py/gguf/constants.py` and `tensor_mapping.py` for the names, `conversion/` for the order of rows, and
/// the graphs in `src/models/` for the weights that an adapter reaches, all of ggml-org/llama.cpp.
public enum GgufArchitecture {
    LLAMA("llama", Set.of("LlamaForCausalLM", "MistralForCausalLM")),
    MISTRAL3("mistral3", Set.of("Ministral3ForCausalLM", "Mistral3ForConditionalGeneration")),
    SMOLLM3("smollm3", Set.of("SmolLM3ForCausalLM")),
    QWEN2("qwen2", Set.of("Qwen2ForCausalLM")),
    QWEN3("qwen3", Set.of("Qwen3ForCausalLM")),
    QWEN3MOE("qwen3moe", Set.of("Qwen3MoeForCausalLM")),
    GEMMA("gemma", Set.of("GemmaForCausalLM")),
    GEMMA2("gemma2", Set.of("Gemma2ForCausalLM")),
    GEMMA3("gemma3", Set.of("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration")),
    GEMMA4("gemma4", Set.of("Gemma4ForCausalLM", "Gemma4ForConditionalGeneration")),
    PHI3("phi3", Set.of("Phi3ForCausalLM")),
    BAICHUAN("baichuan", Set.of("BaichuanForCausalLM", "BaiChuanForCausalLM"));

    private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d+)\\.(.+)");
    private static final List<String> WRAPPERS = List.of("model.language_model.", "language_model.model.");

    private static final Map<String, String> ATTENTION = Map.of(
            "self_attn.q_proj", "attn_q",
            "self_attn.k_proj", "attn_k",
            "self_attn.v_proj", "attn_v",
            "self_attn.o_proj", "attn_output");
    private static final Map<String, String> FEED_FORWARD = Map.of(
            "mlp.gate_proj", "ffn_gate",
            "mlp.up_proj", "ffn_up",
            "mlp.down_proj", "ffn_down");

    /// `per_layer_model_projection` is not here: the graph multiplies with it without the adapter.
    private static final Map<String, String> GEMMA4_ONLY = Map.of(
            "per_layer_input_gate", "inp_gate",
            "per_layer_projection", "proj",
            "router.proj", "ffn_gate_inp");

    private static final Map<String, String> PHI3_ONLY = Map.of(
            "self_attn.qkv_proj", "attn_qkv",
            "self_attn.o_proj", "attn_output",
            "mlp.gate_up_proj", "ffn_up",
            "mlp.down_proj", "ffn_down");

    private final String text;
    private final Set<String> classes;

    GgufArchitecture(String text, Set<String> classes) {
        this.text = text;
        this.classes = classes;
    }

    /// The architecture of the models of a Hugging Face class, such as `LlamaForCausalLM`.
    public static Optional<GgufArchitecture> of(String className) {
        return Arrays.stream(values())
                .filter(architecture -> architecture.classes.contains(className))
                .findFirst();
    }

    /// `general.architecture` of the files.
    public String text() {
        return text;
    }

    /// The weights of the file that hold the weight of a linear or of the input embedding, with the rows of each.
    ///
    /// @param module the name of the module in the Hugging Face class
    /// @return empty if the file has no such weight, or if llama.cpp's graph applies no adapter to it
    public List<GgufPart> parts(String module) {
        String plain = module;
        for (String wrapper : WRAPPERS) {
            if (module.startsWith(wrapper)) {
                plain = "model." + module.substring(wrapper.length());
            }
        }
        if (plain.equals("model.embed_tokens")) {
            return List.of(GgufPart.whole("token_embd.weight"));
        }
        if (plain.equals("lm_head")) {
            return hasOutput() ? List.of(GgufPart.whole("output.weight")) : List.of();
        }
        Matcher layer = LAYER.matcher(plain);
        return layer.matches() ? parts("blk.%s.".formatted(layer.group(1)), layer.group(2)) : List.of();
    }

    /// False for architectures whose output is always the input embedding.
    public boolean hasOutput() {
        return switch (this) {
            case GEMMA, GEMMA2 -> false;
            case LLAMA, MISTRAL3, SMOLLM3, QWEN2, QWEN3, QWEN3MOE, GEMMA3, GEMMA4, PHI3, BAICHUAN -> true;
        };
    }

    private List<GgufPart> parts(String block, String module) {
        if (this == BAICHUAN && module.equals("self_attn.W_pack")) {
            return List.of(
                    new GgufPart(block + "attn_q.weight", 0, 3, RowOrder.QUERY_PAIRS),
                    new GgufPart(block + "attn_k.weight", 1, 3, RowOrder.KEY_PAIRS),
                    new GgufPart(block + "attn_v.weight", 2, 3, RowOrder.SAME));
        }
        return name(module)
                .map(name -> List.of(new GgufPart(block + name + ".weight", 0, 1, order(name))))
                .orElse(List.of());
    }

    private Optional<String> name(String module) {
        return switch (this) {
            case PHI3 -> Optional.ofNullable(PHI3_ONLY.get(module));
            case QWEN3MOE ->
                module.equals("mlp.gate")
                        ? Optional.of("ffn_gate_inp")
                        : Optional.ofNullable(ATTENTION.get(module)).or(() -> dense(module));
            case GEMMA4 ->
                Optional.ofNullable(GEMMA4_ONLY.get(module))
                        .or(() -> Optional.ofNullable(ATTENTION.get(module)))
                        .or(() -> dense(module));
            case LLAMA, MISTRAL3, SMOLLM3, QWEN2, QWEN3, GEMMA, GEMMA2, GEMMA3, BAICHUAN ->
                Optional.ofNullable(ATTENTION.get(module)).or(() -> dense(module));
        };
    }

    private static Optional<String> dense(String module) {
        return Optional.ofNullable(FEED_FORWARD.get(module));
    }

    /// Llama's graphs rotate neighbours, and Hugging Face's layers rotate halves of a head.
    private RowOrder order(String name) {
        return switch (this) {
            case LLAMA, MISTRAL3, SMOLLM3, BAICHUAN ->
                switch (name) {
                    case "attn_q" -> RowOrder.QUERY_PAIRS;
                    case "attn_k" -> RowOrder.KEY_PAIRS;
                    default -> RowOrder.SAME;
                };
            case QWEN2, QWEN3, QWEN3MOE, GEMMA, GEMMA2, GEMMA3, GEMMA4, PHI3 -> RowOrder.SAME;
        };
    }
}
