/// Fine-tuning on Apache Spark: the rows of a `Dataset`, a rank in each task of a barrier stage, and restarts by the
/// driver.
@NullMarked
package dev.bowline.spark;

import org.jspecify.annotations.NullMarked;
