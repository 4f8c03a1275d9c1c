/// The head and the input embedding that each program which loads checkpoints ends up with.
@NullMarked
package dev.bowline.audit.consumers;

import org.jspecify.annotations.NullMarked;
