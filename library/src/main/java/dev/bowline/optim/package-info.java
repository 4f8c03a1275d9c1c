/// AdamW, Adafactor, learning-rate schedules and gradient clipping, over distinct parameters.
@NullMarked
package dev.bowline.optim;

import org.jspecify.annotations.NullMarked;
