package dev.bowline.audit.findings;

/// A program that loads adapters.
public enum AdapterReader {
    BOWLINE("Bowline"),
    PEFT("PEFT"),
    VLLM("vLLM"),
    LLAMA_CPP("llama.cpp"),
    OLLAMA("Ollama"),
    AUTOMODEL("NeMo AutoModel");

    private final String title;

    AdapterReader(String title) {
        this.title = title;
    }

    public String title() {
        return title;
    }
}
