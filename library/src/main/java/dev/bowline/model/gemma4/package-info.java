/// Gemma 4: config, layers, weight rules and ties of the dense and the mixture-of-experts models.
@NullMarked
package dev.bowline.model.gemma4;

import org.jspecify.annotations.NullMarked;
