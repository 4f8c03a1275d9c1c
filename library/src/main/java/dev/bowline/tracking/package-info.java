/// The figures of a run for programs that show runs: the event files of TensorBoard, and the REST interface of
/// MLflow.
@NullMarked
package dev.bowline.tracking;

import org.jspecify.annotations.NullMarked;
