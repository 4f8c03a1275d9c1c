/// SmolLM3: every fourth layer has no rotation.
@NullMarked
package dev.bowline.model.smollm3;

import org.jspecify.annotations.NullMarked;
