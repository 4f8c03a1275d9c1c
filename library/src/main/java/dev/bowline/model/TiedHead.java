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

    /// The head of a config.json without a tie flag.
    TieFlag.ClassDefault tieDefault();

    /// The input embedding of the language model that is active *now*.
    Slot inputEmbedding();

    Slot lmHead();

    /// Makes the head the active input embedding where the flag is tied; does nothing where the flag is untied.
    /// Any number of calls is allowed. A call is required after the language model was replaced.
    void tieWeights();
}
