/// Examples on disk to packed batches with targets and positions, in an order that can be resumed.
@NullMarked
package dev.bowline.data;

import org.jspecify.annotations.NullMarked;
