/// The step, the loop, resume, metrics.
@NullMarked
package dev.bowline.train;

import org.jspecify.annotations.NullMarked;
