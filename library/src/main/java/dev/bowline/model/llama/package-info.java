/// Llama and models of its architecture: Llama 1 to 3.x, TinyLlama, SmolLM.
@NullMarked
package dev.bowline.model.llama;

import org.jspecify.annotations.NullMarked;
