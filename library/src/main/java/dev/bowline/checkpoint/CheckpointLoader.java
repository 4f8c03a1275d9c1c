package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.model.LanguageModel;
import dev.bowline.safetensors.WrapperName;
import dev.bowline.tensor.Dtype;
import java.util.Optional;
import java.util.SequencedSet;

/// Fills models from checkpoints, and predicts from the headers if a load would succeed.
public final class CheckpointLoader {

    private CheckpointLoader() {}

    /// Loads for training in the checkpoint's own dtype. See [#load(Checkpoint, LanguageModel, LoadPurpose)].
    public static LoadReport load(Checkpoint checkpoint, LanguageModel model) {
        return load(checkpoint, model, LoadPurpose.TRAINING);
    }

    /// Loads in the dtype in which most weights are stored, see [CheckpointMapping#loadDtype]. The `dtype` in
    /// config.json is not used, because a cast to it could round weights.
    public static LoadReport load(Checkpoint checkpoint, LanguageModel model, LoadPurpose purpose) {
        CheckpointMapping mapping = CheckpointMapping.of(checkpoint, model);
        return new WeightLoad(mapping, purpose).run(LoadDecision.defaultDtype(mapping));
    }

    /// Loads for training. See [#load(Checkpoint, LanguageModel, Dtype, LoadPurpose)].
    public static LoadReport load(Checkpoint checkpoint, LanguageModel model, Dtype dtype) {
        return load(checkpoint, model, dtype, LoadPurpose.TRAINING);
    }

    /// Fills every slot of `model` that a checkpoint stores, or fails and names the tensor or slot that does not
    /// fit.
    ///
    /// The config.json flags and the stored tensors decide if the head is tied or separate, before anything is
    /// copied. A parameter that is not trained and needs no cast uses the mapped file, so freeze before loading.
    /// Every other parameter is read once into memory of its own.
    ///
    /// @param model built from the checkpoint's config.json
    /// @param dtype in which the model computes: float32 or bfloat16
    public static LoadReport load(Checkpoint checkpoint, LanguageModel model, Dtype dtype, LoadPurpose purpose) {
        return new WeightLoad(CheckpointMapping.of(checkpoint, model), purpose).run(dtype);
    }

    /// Refuses names, shapes and types that a load would refuse. Only headers are read. A load decides if the
    /// head is tied; this check does not.
    ///
    /// @param model built from the checkpoint's config.json
    public static void requireFits(Checkpoint checkpoint, LanguageModel model) {
        LoadDecision.requireFits(CheckpointMapping.of(checkpoint, model));
    }

    /// The refusal of a load for one reason that explains every tensor: weights saved in shards, a wrapper's
    /// prefix, an index of another revision. Empty if there is no such reason.
    ///
    /// @param model built from the checkpoint's config.json
    public static Optional<BowlineException> misfit(Checkpoint checkpoint, LanguageModel model) {
        try {
            LoadDecision.requireKnown(CheckpointMapping.of(checkpoint, model));
            return Optional.empty();
        } catch (BowlineException e) {
            return Optional.of(e);
        }
    }

    /// Predicts how a load would fill the head, with the code that a load uses. Fills nothing. Reads the values
    /// of the head and the input embedding if the files have both, and no other values.
    ///
    /// @param model built from the checkpoint's config.json
    /// @throws BowlineException if a load would refuse
    public static LoadReport.HeadVerdict forecast(
            Checkpoint checkpoint, LanguageModel model, HeadComparison comparison) {
        CheckpointMapping mapping = CheckpointMapping.of(checkpoint, model);
        LoadDecision.defaultDtype(mapping);
        return LoadDecision.of(mapping, comparison).verdict();
    }

    /// The text that a wrapper of the model added to the tensors' names, if the names without that text are the
    /// model's. Empty if the names are the model's with the text, or in neither form.
    public static Optional<WrapperName> wrapper(LanguageModel model, SequencedSet<String> names) {
        return Misfit.wrapper(model, names);
    }
}
