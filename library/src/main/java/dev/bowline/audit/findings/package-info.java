/// The problems of a checkpoint: rules over the evidence and the views of all consumers.
@NullMarked
package dev.bowline.audit.findings;

import org.jspecify.annotations.NullMarked;
