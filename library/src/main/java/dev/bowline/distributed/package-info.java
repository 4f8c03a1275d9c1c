/// The ranks of a run: who they are, how they join, collectives over tensors, and the failure of a rank.
@NullMarked
package dev.bowline.distributed;

import org.jspecify.annotations.NullMarked;
