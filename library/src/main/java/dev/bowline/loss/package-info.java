/// Cross-entropy over target tokens, through the head in chunks: the full logits are never in memory.
@NullMarked
package dev.bowline.loss;

import org.jspecify.annotations.NullMarked;
