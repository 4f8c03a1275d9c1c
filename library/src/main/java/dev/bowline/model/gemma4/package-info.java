/// Gemma 4: config.json, weight rules and tie policy of the dense and the mixture-of-experts models.
@NullMarked
package dev.bowline.model.gemma4;

import org.jspecify.annotations.NullMarked;
