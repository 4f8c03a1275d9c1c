/// The contents of the files of a checkpoint: the head, the input embedding, the tie flags, and how the values of both
/// tensors compare.
@NullMarked
package dev.bowline.audit.evidence;

import org.jspecify.annotations.NullMarked;
