/// A checkpoint that is read a few rows at a time: its weights by the slots of its model, and a model that
/// computes with them in little memory.
@NullMarked
package dev.bowline.streamed;

import org.jspecify.annotations.NullMarked;
