package dev.bowline.recipe;

import java.nio.file.Path;

/// The checkpoint that training starts from.
///
/// @param pretrainedModel a local Hugging Face directory, absolute
/// @param torchDtype the type the weights are trained in
public record ModelSection(Path pretrainedModel, TorchDtype torchDtype) {

    public ModelSection {
        Require.that(pretrainedModel.isAbsolute(), "pretrainedModel must be absolute, not %s", pretrainedModel);
    }
}
