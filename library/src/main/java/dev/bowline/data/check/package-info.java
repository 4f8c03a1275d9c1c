/// The findings and the statistics of a dataset before a run trains on it.
@NullMarked
package dev.bowline.data.check;

import org.jspecify.annotations.NullMarked;
