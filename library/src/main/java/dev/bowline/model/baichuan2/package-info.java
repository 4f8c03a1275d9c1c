/// Baichuan 2 7B: fused projections, and a head whose rows have length one.
@NullMarked
package dev.bowline.model.baichuan2;

import org.jspecify.annotations.NullMarked;
