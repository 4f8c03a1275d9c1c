/// Adapters on a model: the modules that they change, their values, and the operators that compute with them.
@NullMarked
package dev.bowline.adapter;

import org.jspecify.annotations.NullMarked;
