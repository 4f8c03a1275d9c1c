/// What each consumer will make of a checkpoint's head and input embedding, told from its files alone: no model code
/// and
/// no libtorch; and the repair that makes them agree.
@NullMarked
package dev.bowline.audit;

import org.jspecify.annotations.NullMarked;
