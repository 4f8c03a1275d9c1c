/// The merge of an adapter into its base, one tensor at a time, and the check that the result computes the
/// same.
@NullMarked
package dev.bowline.adapter.merge;

import org.jspecify.annotations.NullMarked;
