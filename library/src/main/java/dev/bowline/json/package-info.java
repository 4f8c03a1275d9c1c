/// JSON that keeps order, number text and positions, so that errors name a place and files round-trip.
@NullMarked
package dev.bowline.json;

import org.jspecify.annotations.NullMarked;
