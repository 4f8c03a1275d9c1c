/// How a checkpoint's tensor names differ from a model's slots, as data that reads in both directions.
@NullMarked
package dev.bowline.statedict;

import org.jspecify.annotations.NullMarked;
