package dev.bowline.adapter;

import dev.bowline.NearestNames;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The modules of an adapter's files that are no pairs on linears or experts. A file whose tie mode is not
/// chosen has PEFT's meaning: a pair or a copy changes the module that the file names, and rows of tokens change
/// a tied head too.
final class EmbeddingsInFile {

    private static final String FIX = "use the adapter with the model that it was trained on";

    private final LanguageModel model;
    private final AdapterReader reader;
    private final LoraConfig config;
    private final TiedPair tied;

    private EmbeddingsInFile(LanguageModel model, AdapterReader reader) {
        this.model = model;
        this.reader = reader;
        config = reader.config();
        tied = TiedPair.of(model);
    }

    /// @param modules the names in the file's keys
    static List<AdaptedModule> of(LanguageModel model, AdapterReader reader, Set<String> modules) {
        EmbeddingsInFile parts = new EmbeddingsInFile(model, reader);
        List<AdaptedModule> adapted = new ArrayList<>();
        modules.forEach(module -> parts.module(module).ifPresent(adapted::add));
        return adapted;
    }

    private boolean has(String module, Part part) {
        return reader.keys().contains(new AdapterKey(module, part));
    }

    private Optional<AdaptedModule> module(String module) {
        requireModule(module);
        if (has(module, Part.EMBEDDING_A)) {
            return Optional.of(pair(module));
        }
        if (has(module, Part.LORA_A)) {
            return head(module);
        }
        if (has(module, Part.COPY)) {
            return copy(module);
        }
        if (has(module, Part.TOKENS)) {
            return Optional.of(rows(module));
        }
        if (has(module, Part.BASE_TABLE)) {
            return Optional.empty();
        }
        throw reader.refused("holds a part of '%s' without its weight".formatted(module), "save the adapter again");
    }

    private void requireModule(String module) {
        Set<String> slots = model.slots().keySet();
        if (!slots.contains(module + ".weight")) {
            throw reader.refused(
                    "changes '%s', which the model does not have%s".formatted(module, NearestNames.hint(module, slots)),
                    FIX);
        }
    }

    private AdaptedModule pair(String module) {
        if (!model.embeddings().containsKey(module)) {
            throw reader.refused("has matrices of an embedding for '%s', which is none".formatted(module), FIX);
        }
        Uses uses = usesInMode(module);
        if (uses == Uses.BOTH) {
            EmbeddingParts.requireOneScale(config, tied);
        }
        return EmbeddingParts.pair(model, config, module, reader.rows(module, Part.EMBEDDING_A), uses);
    }

    /// The head's matrices are those of the embedding if both share one delta.
    private Optional<AdaptedModule> head(String module) {
        boolean isShared = usesInMode(module) == Uses.BOTH && has(tied.embedding(), Part.EMBEDDING_A);
        return isShared ? Optional.empty() : Optional.of(EmbeddingParts.headPair(model, config));
    }

    private Optional<AdaptedModule> copy(String module) {
        boolean isSaved = SavedTargets.isNamed(config, module);
        // PEFT stores the tables of a resized model as plain weights: both modules have them.
        Uses uses = isSaved || !tied.isTied() || !tied.has(module) ? usesInMode(module) : Uses.BOTH;
        if (uses == Uses.BOTH && module.equals(tied.head()) && has(tied.embedding(), Part.COPY)) {
            return Optional.empty();
        }
        String kept = uses == Uses.BOTH ? tied.embedding() : module;
        return Optional.of(SavedTargets.inFile(model, kept, uses));
    }

    private Uses usesInMode(String module) {
        boolean isShared = tied.isTied() && tied.has(module) && config.tieMode() == TieMode.SHARED;
        return isShared ? Uses.BOTH : Uses.NAMED;
    }

    private AdaptedModule rows(String module) {
        List<Long> ids = config.trainableTokenIndices().entrySet().stream()
                .filter(entry -> module.endsWith(entry.getKey()))
                .map(entry -> entry.getValue())
                .findFirst()
                .orElseThrow(() -> reader.refused(
                        "has rows of '%s', and trainable_token_indices does not say which".formatted(module),
                        "add the ids to trainable_token_indices in adapter_config.json"));
        boolean isShared = tied.isTied() && module.equals(tied.embedding()) && !has(tied.head(), Part.TOKENS);
        TokenRows rows = TokenTargets.rows(model, module, ids, isShared ? Uses.BOTH : Uses.NAMED);
        TokenTargets.requireIds(model, module, ids);
        return rows;
    }
}
