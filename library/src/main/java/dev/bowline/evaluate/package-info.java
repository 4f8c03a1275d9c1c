/// The answers of a model on held-out rows, and their scores.
@NullMarked
package dev.bowline.evaluate;

import org.jspecify.annotations.NullMarked;
