/// Losses over target tokens. Cross-entropy applies the head in chunks, so the full logits are never in memory.
@NullMarked
package dev.bowline.loss;

import org.jspecify.annotations.NullMarked;
