/// AdamW, learning-rate schedules and clipping, over distinct parameters.
@NullMarked
package dev.bowline.optim;

import org.jspecify.annotations.NullMarked;
