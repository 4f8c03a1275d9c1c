/// The files of an adapter rewritten for another program: PEFT, vLLM, llama.cpp or Ollama. Reads the base's files,
/// builds
/// no model and loads no libtorch.
@NullMarked
package dev.bowline.adapter.export;

import org.jspecify.annotations.NullMarked;
