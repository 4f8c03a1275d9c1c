/// The differences between a checkpoint's tensor names and a model's slots, as data for both directions.
@NullMarked
package dev.bowline.statedict;

import org.jspecify.annotations.NullMarked;
