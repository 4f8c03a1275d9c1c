/// Gemma 3, text: five windowed layers to a full one, each kind with a rotation of its own.
@NullMarked
package dev.bowline.model.gemma3;

import org.jspecify.annotations.NullMarked;
