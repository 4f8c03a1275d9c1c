package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// The embeddings, a tied head, modules that are trained whole, and rows of tokens.
final class EmbeddingParts {

    private EmbeddingParts() {}

    /// The names of the modules, without `.weight`, that this class adapts as targets.
    static List<String> names(LanguageModel model) {
        List<String> names = new ArrayList<>();
        names.add(withoutWeight(model.inputEmbedding().path()));
        if (model.lmHead().isTied()) {
            names.add(withoutWeight(model.lmHead().path()));
        }
        return names;
    }

    private static String withoutWeight(String path) {
        return path.substring(0, path.length() - ".weight".length());
    }

    /// The adapted modules of `config` among [#names], its `modules_to_save` and its `trainable_token_indices`.
    static List<AdaptedModule> resolve(LanguageModel model, LoraConfig config) {
        for (String name : names(model)) {
            if (!(config.targetModules() instanceof ModulePatterns.AllLinear)
                    && config.targetModules().matches(name)
                    && !AdapterTargets.isExcluded(config, name)) {
                throw unsupported(name);
            }
        }
        config.modulesToSave().forEach(name -> {
            throw unsupported(name);
        });
        config.trainableTokenIndices().keySet().forEach(name -> {
            throw unsupported(name);
        });
        return List.of();
    }

    /// The adapted modules of an adapter's files that are no pairs on linears or experts.
    ///
    /// @param modules the names in the file's keys
    static List<AdaptedModule> inFile(LanguageModel model, AdapterReader reader, Set<String> modules) {
        throw unsupported(modules.iterator().next());
    }

    /// The values of a module that [#resolve] returned.
    static AdapterPart part(AdaptedModule module) {
        throw unsupported(module.module());
    }

    private static BowlineException unsupported(String module) {
        return new BowlineException(
                "'%s' cannot be adapted: it is an embedding, a tied head or a module to save".formatted(module),
                "leave it out of target_modules, modules_to_save and trainable_token_indices");
    }
}
