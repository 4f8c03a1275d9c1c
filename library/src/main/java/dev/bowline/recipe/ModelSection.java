package dev.bowline.recipe;

import java.nio.file.Path;
import java.util.Set;

/// The checkpoint that training starts from.
///
/// @param pretrainedModel a local Hugging Face directory, absolute
/// @param torchDtype the type the weights are trained in
/// @param withoutDropout the dropouts of config.json, by key, that training is to leave out
public record ModelSection(Path pretrainedModel, TorchDtype torchDtype, Set<String> withoutDropout) {

    public ModelSection {
        withoutDropout = Set.copyOf(withoutDropout);
        Require.that(pretrainedModel.isAbsolute(), "pretrainedModel must be absolute, not %s", pretrainedModel);
    }
}
