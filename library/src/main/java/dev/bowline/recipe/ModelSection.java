package dev.bowline.recipe;

import dev.bowline.tensor.DeviceChoice;
import dev.bowline.tensor.Dtype;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/// The checkpoint that training starts from.
///
/// @param pretrainedModel a local Hugging Face directory, absolute
/// @param torchDtype the dtype of the trained weights; empty for the dtype of the checkpoint. Master weights and
///     moments are float32 with every dtype
/// @param device where the model computes
/// @param withoutDropout the dropouts of config.json, by key, that training is to leave out
public record ModelSection(
        Path pretrainedModel, Optional<Dtype> torchDtype, DeviceChoice device, Set<String> withoutDropout) {

    public ModelSection {
        withoutDropout = Set.copyOf(withoutDropout);
        Require.that(pretrainedModel.isAbsolute(), "pretrainedModel must be absolute, not %s", pretrainedModel);
    }
}
