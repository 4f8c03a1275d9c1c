/// The one list of model families, and the ways to get a model out of a directory or a config.
@NullMarked
package dev.bowline.catalog;

import org.jspecify.annotations.NullMarked;
