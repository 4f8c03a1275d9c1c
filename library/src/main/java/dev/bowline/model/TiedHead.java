package dev.bowline.model;

import dev.bowline.nn.Slot;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;

/// A model whose output head may be its input embedding.
public interface TiedHead {

    /// The architecture string of config.json, for messages.
    String architecture();

    TieSupport tieSupport();

    /// The flag that decides, resolved once from the original config.
    TieFlag tieFlag();

    /// What the architecture assumes when config.json does not say.
    TieFlag.ClassDefault tieDefault();

    /// The input embedding of the language model that is active *now*.
    Slot inputEmbedding();

    Slot lmHead();

    /// Points the head at the active input embedding when the flag says tied; does nothing when it says untied. May be
    /// called any number of times, and must be after the language model was replaced.
    void tieWeights();
}
