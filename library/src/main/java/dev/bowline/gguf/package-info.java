/// GGUF files, the format of llama.cpp and Ollama: metadata and tensors, written in one pass; the names of a model's
/// weights there. No libtorch.
@NullMarked
package dev.bowline.gguf;

import org.jspecify.annotations.NullMarked;
