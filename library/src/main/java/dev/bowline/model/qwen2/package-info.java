/// Qwen2 and Qwen2.5: biases on queries, keys and values; windows in the last layers where asked for.
@NullMarked
package dev.bowline.model.qwen2;

import org.jspecify.annotations.NullMarked;
