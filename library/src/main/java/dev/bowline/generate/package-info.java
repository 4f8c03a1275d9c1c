/// Prefill, decode, cache, sampling.
@NullMarked
package dev.bowline.generate;

import org.jspecify.annotations.NullMarked;
