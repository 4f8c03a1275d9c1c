package dev.bowline.adapter.export;

/// The program that reads an exported adapter.
public enum ExportTarget {
    /// PEFT 0.21, and every program that reads its files.
    PEFT("peft", "PEFT"),
    /// vLLM's `--lora-modules`.
    VLLM("vllm", "vLLM"),
    /// llama.cpp's `--lora`.
    LLAMA_CPP("llama.cpp", "llama.cpp"),
    /// Ollama's `ADAPTER`.
    OLLAMA("ollama", "Ollama");

    private final String text;
    private final String title;

    ExportTarget(String text, String title) {
        this.text = text;
        this.title = title;
    }

    /// The spelling on the command line.
    public String text() {
        return text;
    }

    /// The program's own spelling.
    public String title() {
        return title;
    }
}
