/// Phi-3, Phi-3.5 and Phi-4-mini: fused projections, longrope, partial rotation.
@NullMarked
package dev.bowline.model.phi3;

import org.jspecify.annotations.NullMarked;
