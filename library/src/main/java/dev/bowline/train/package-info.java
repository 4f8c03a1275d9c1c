/// Fine-tuning: the training step, the training loop, resuming, metrics.
@NullMarked
package dev.bowline.train;

import org.jspecify.annotations.NullMarked;
