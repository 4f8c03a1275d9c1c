package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import java.util.List;
import java.util.Optional;

/// The input embedding and the head of a model, and the meaning of an adapter on one of them.
///
/// @param embedding the module's name, such as `model.embed_tokens`
/// @param head the module's name, such as `lm_head`
/// @param isTied true if both are one parameter now
record TiedPair(String embedding, String head, boolean isTied) {

    static TiedPair of(LanguageModel model) {
        return new TiedPair(
                module(model.inputEmbedding()),
                module(model.lmHead()),
                model.lmHead().isTied());
    }

    /// The name of the module of a slot that ends with `.weight`.
    static String module(Slot weight) {
        return weight.path().substring(0, weight.path().length() - ".weight".length());
    }

    boolean has(String module) {
        return module.equals(embedding) || module.equals(head);
    }

    /// The other member; empty for a module that is no member of a tied pair.
    Optional<String> other(String module) {
        return isTied && has(module) ? Optional.of(module.equals(head) ? embedding : head) : Optional.empty();
    }

    /// The modules that a change of `module` reaches.
    ///
    /// @param setting of the adapter that names the module
    /// @throws BowlineException if the module is tied and no mode is chosen, or if the mode is `shared` and the
    ///     modules are not tied
    Uses uses(String module, String setting, TieMode mode) {
        if (!has(module)) {
            return Uses.NAMED;
        }
        return switch (mode) {
            case UNTIE -> Uses.NAMED;
            case SHARED -> {
                requireTied(module, setting);
                yield Uses.BOTH;
            }
            case UNCHOSEN -> {
                if (isTied) {
                    throw unchosen(module, setting);
                }
                yield Uses.NAMED;
            }
        };
    }

    void requireTied(String module, String setting) {
        if (!isTied) {
            throw new AdapterSettingException(
                    setting,
                    ("%s has '%s', the tie mode is shared (ensure_weight_tying), and the model has a separate head:"
                                    + " an adapter does not tie two modules")
                            .formatted(setting, module),
                    "remove peft.tie_mode or ensure_weight_tying, and name '%s' and '%s' to adapt both"
                            .formatted(embedding, head));
        }
    }

    private BowlineException unchosen(String module, String setting) {
        return new AdapterSettingException(
                setting,
                "%s has '%s', which is tied to '%s': a change of one is either a change of both or the end of the tie"
                        .formatted(setting, module, other(module).orElseThrow()),
                "set peft.tie_mode to shared (ensure_weight_tying: true) for one change that both use, or to untie for"
                        + " a change of '%s' alone, after which a merged model has tie_word_embeddings: false"
                                .formatted(module));
    }

    /// True if the modules that an adapter changes leave `embedding` and `head` two different values, so that a
    /// merged model needs `tie_word_embeddings: false`.
    boolean isPartedBy(List<AdaptedModule> modules) {
        return isTied
                && modules.stream().anyMatch(module -> has(module.module()) && Uses.NAMED == AdapterTies.uses(module));
    }
}
