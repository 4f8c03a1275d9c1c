/// Qwen3, the dense models: norms of queries and keys per head.
@NullMarked
package dev.bowline.model.qwen3;

import org.jspecify.annotations.NullMarked;
