/// Gemma 2: norms around both halves of a layer, capped scores and logits, windows in every other layer.
@NullMarked
package dev.bowline.model.gemma2;

import org.jspecify.annotations.NullMarked;
