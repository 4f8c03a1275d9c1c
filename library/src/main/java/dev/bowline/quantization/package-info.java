/// Quantised weights: the formats NF4 and int8 of bitsandbytes, from and to float32 and bfloat16.
@NullMarked
package dev.bowline.quantization;

import org.jspecify.annotations.NullMarked;
