/// The proof that a merged checkpoint or an adapter is what it should be, from its files alone.
@NullMarked
package dev.bowline.adapter.verify;

import org.jspecify.annotations.NullMarked;
