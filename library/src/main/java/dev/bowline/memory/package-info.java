/// An estimate of the memory that a fine-tuning takes at its peak, from shapes alone, and the savings that make it fit.
@NullMarked
package dev.bowline.memory;

import org.jspecify.annotations.NullMarked;
