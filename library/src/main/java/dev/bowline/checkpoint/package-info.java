/// A Hugging Face directory: opened, loaded into a model with every tensor explained, and saved back without
/// loss.
@NullMarked
package dev.bowline.checkpoint;

import org.jspecify.annotations.NullMarked;
