/// The model tree: layers, slots and parameters; the layers that more than one family uses; the key/value cache.
@NullMarked
package dev.bowline.nn;

import org.jspecify.annotations.NullMarked;
