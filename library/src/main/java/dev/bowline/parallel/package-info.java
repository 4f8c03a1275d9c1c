/// Training over ranks: the gradients that travel, and the parts of a model that ranks have.
@NullMarked
package dev.bowline.parallel;

import org.jspecify.annotations.NullMarked;
