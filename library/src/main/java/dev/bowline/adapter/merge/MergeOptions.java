package dev.bowline.adapter.merge;

import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.checkpoint.SaveProgress;
import dev.bowline.tensor.Dtype;
import java.util.Optional;

/// The options of a merge.
///
/// @param dtype of the merged weights: those in the dtype in which most weights of the base are stored get it,
///     the others keep theirs. Empty keeps every dtype
/// @param tieMode the meaning of an adapter on one of two tied modules; empty takes the adapter's own
/// @param progress told how far the writing is
public record MergeOptions(Optional<Dtype> dtype, Optional<TieMode> tieMode, SaveProgress progress) {

    /// The base's dtypes, the adapter's tie mode, and no progress.
    public static final MergeOptions DEFAULT =
            new MergeOptions(Optional.empty(), Optional.empty(), SaveProgress.silent());

    public MergeOptions in(Dtype chosen) {
        return new MergeOptions(Optional.of(chosen), tieMode, progress);
    }

    public MergeOptions with(TieMode chosen) {
        return new MergeOptions(dtype, Optional.of(chosen), progress);
    }

    public MergeOptions reportingTo(SaveProgress listener) {
        return new MergeOptions(dtype, tieMode, listener);
    }
}
