package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.model.LanguageModel;
import java.util.List;

/// The effect of an adapter on the tie of a model's input embedding and head.
public enum AdapterTies {
    /// The adapter changes neither, or the model has a separate head.
    UNCHANGED,
    /// Both use one change. A merge adds the change to the tied tensor once; PEFT 0.21 adds it twice.
    SHARED,
    /// One changes, or each has a change of its own. A merged model has two tensors and
    /// `tie_word_embeddings: false` at every level.
    PARTED;

    /// The effect of an adapter that changes `modules`.
    public static AdapterTies of(LanguageModel model, List<AdaptedModule> modules) {
        TiedPair pair = TiedPair.of(model);
        if (pair.isPartedBy(modules)) {
            return PARTED;
        }
        boolean isShared = pair.isTied() && modules.stream().anyMatch(module -> uses(module) == Uses.BOTH);
        return isShared ? SHARED : UNCHANGED;
    }

    static Uses uses(AdaptedModule module) {
        return switch (module) {
            case LinearPair _, ExpertPairs _ -> Uses.NAMED;
            case EmbeddingPair pair -> pair.uses();
            case SavedModule saved -> saved.uses();
            case TokenRows rows -> rows.uses();
        };
    }
}
