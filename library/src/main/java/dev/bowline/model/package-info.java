/// What every causal language model offers, and what a family must declare.
@NullMarked
package dev.bowline.model;

import org.jspecify.annotations.NullMarked;
