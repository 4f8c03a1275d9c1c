package dev.bowline.text;

import dev.bowline.json.JsonObject;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The tokenizer class that transformers 5.18 takes for a checkpoint, with the special tokens that it assumes
/// where no file names them.
enum TokenizerClass {
    LLAMA(Map.of("bos_token", "<s>", "eos_token", "</s>", "unk_token", "<unk>")),
    GEMMA(Map.of(
            "bos_token", "<bos>",
            "eos_token", "<eos>",
            "unk_token", "<unk>",
            "pad_token", "<pad>",
            "mask_token", "<mask>")),
    QWEN2(Map.of("eos_token", "<|endoftext|>", "unk_token", "<|endoftext|>", "pad_token", "<|endoftext|>")),
    GPT2(Map.of("bos_token", "<|endoftext|>", "eos_token", "<|endoftext|>", "unk_token", "<|endoftext|>")),
    /// Any other: nothing is assumed.
    GENERIC(Map.of());

    /// Model types whose tokenizers are generic whatever class their files name.
    private static final Set<String> ALWAYS_GENERIC = Set.of("mistral", "ministral3", "mistral3", "phi3");

    private final Map<String, String> assumed;

    TokenizerClass(Map<String, String> assumed) {
        this.assumed = assumed;
    }

    /// Texts of the special tokens by their name.
    Map<String, String> assumed() {
        return assumed;
    }

    /// @param config config.json, which may be empty
    /// @param tokenizerConfig tokenizer_config.json, which may be empty
    static TokenizerClass of(JsonObject config, JsonObject tokenizerConfig) {
        String modelType = config.optionalString("model_type").orElse("");
        if (ALWAYS_GENERIC.contains(modelType)) {
            return GENERIC;
        }
        if (modelType.equals("qwen2")) {
            return QWEN2;
        }
        Optional<String> named =
                tokenizerConfig.optionalString("tokenizer_class").or(() -> config.optionalString("tokenizer_class"));
        return named.map(TokenizerClass::ofName).orElseGet(() -> usual(modelType));
    }

    private static TokenizerClass ofName(String name) {
        return switch (name) {
            case "LlamaTokenizer", "LlamaTokenizerFast" -> LLAMA;
            case "GemmaTokenizer", "GemmaTokenizerFast" -> GEMMA;
            case "Qwen2Tokenizer", "Qwen2TokenizerFast" -> QWEN2;
            case "GPT2Tokenizer", "GPT2TokenizerFast" -> GPT2;
            default -> GENERIC;
        };
    }

    private static TokenizerClass usual(String modelType) {
        return switch (modelType) {
            case "gemma", "gemma2", "gemma3", "gemma3_text" -> GEMMA;
            case "qwen3", "qwen3_moe" -> QWEN2;
            default -> GENERIC;
        };
    }
}
