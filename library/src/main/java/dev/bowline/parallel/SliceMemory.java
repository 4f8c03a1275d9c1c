package dev.bowline.parallel;

import dev.bowline.parallel.StateSlices.Slice;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// The values and gradients of the slices that ranks update.
interface SliceMemory {

    /// The slices of all ranks, those of one parameter in the order of its elements.
    StateSlices slices();

    /// The values of a slice of this rank, `[N]`, as a view in the caller's scope. An update changes them in place.
    Tensor values(Slice slice);

    /// The gradient of a slice of this rank, `[N]`, in the caller's scope.
    Optional<Tensor> gradient(Slice slice);

    /// All slices of this rank are updated.
    void updated();

    /// Runs `work` on the first rank, which may read the state. Every rank calls this method.
    void onFirst(StateParts state, Runnable work);
}
