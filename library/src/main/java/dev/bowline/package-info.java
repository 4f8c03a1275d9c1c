/// The root: failures a user can act on.
@NullMarked
package dev.bowline;

import org.jspecify.annotations.NullMarked;
