/// Reads examples from disk and makes packed batches with targets and positions, in an order that a resumed run
/// continues.
@NullMarked
package dev.bowline.data;

import org.jspecify.annotations.NullMarked;
