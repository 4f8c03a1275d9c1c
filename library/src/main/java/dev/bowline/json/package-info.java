/// JSON as it is on disk: order, number text and positions kept, so that errors can point and files can round-trip.
@NullMarked
package dev.bowline.json;

import org.jspecify.annotations.NullMarked;
