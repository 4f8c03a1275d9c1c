/// Native memory scopes, dtypes, tensors over memory segments, and ATen calls with impractical Java signatures.
@NullMarked
package dev.bowline.tensor;

import org.jspecify.annotations.NullMarked;
