/// Text generation: prefill, decoding, key/value cache, sampling.
@NullMarked
package dev.bowline.generate;

import org.jspecify.annotations.NullMarked;
