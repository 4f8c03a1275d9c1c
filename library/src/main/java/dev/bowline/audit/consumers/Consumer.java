package dev.bowline.audit.consumers;

/// A program that loads checkpoints, and how its column is called.
public enum Consumer {
    TRANSFORMERS_4("transformers 4", "transformers_4"),
    TRANSFORMERS_5("transformers 5", "transformers_5"),
    NEMO_AUTOMODEL("NeMo AutoModel", "nemo_automodel"),
    VLLM_BEFORE("vLLM before #51665", "vllm_before_51665"),
    VLLM("vLLM since #51665", "vllm"),
    SGLANG("SGLang", "sglang"),
    LLAMA_CPP("llama.cpp convert", "llama_cpp"),
    OLLAMA("Ollama create", "ollama"),
    MLX("MLX", "mlx"),
    BOWLINE("Bowline", "bowline");

    private final String title;
    private final String id;

    Consumer(String title, String id) {
        this.title = title;
        this.id = id;
    }

    public String title() {
        return title;
    }

    /// Its name in JSON.
    public String id() {
        return id;
    }
}
