/// Native memory scopes, dtypes, tensors over memory segments, and the ATen calls whose Java signatures hurt.
@NullMarked
package dev.bowline.tensor;

import org.jspecify.annotations.NullMarked;
