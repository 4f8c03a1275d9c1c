/// Llama and what is stored as it is: Llama 1 to 3.x, TinyLlama, SmolLM.
@NullMarked
package dev.bowline.model.llama;

import org.jspecify.annotations.NullMarked;
