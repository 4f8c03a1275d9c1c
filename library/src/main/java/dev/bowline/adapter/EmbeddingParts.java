package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Embedding;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.RmsNorm;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// The embeddings, a tied head, modules that are trained whole, and rows of tokens.
final class EmbeddingParts {

    private final LanguageModel model;
    private final LoraConfig config;
    private final TiedPair tied;
    private final SequencedMap<String, AdaptedModule> found = new LinkedHashMap<>();

    private EmbeddingParts(LanguageModel model, LoraConfig config) {
        this.model = model;
        this.config = config;
        tied = TiedPair.of(model);
    }

    /// The names of the modules, without `.weight`, that this class adapts as targets.
    static List<String> names(LanguageModel model) {
        List<String> names = new ArrayList<>(model.embeddings().keySet());
        TiedPair pair = TiedPair.of(model);
        if (pair.isTied()) {
            names.add(pair.head());
        }
        return names;
    }

    /// The adapted modules of `config` among [#names], its `modules_to_save` and its `trainable_token_indices`.
    ///
    /// @throws BowlineException if a setting would change one of two tied modules and no tie mode is chosen
    static List<AdaptedModule> resolve(LanguageModel model, LoraConfig config) {
        EmbeddingParts parts = new EmbeddingParts(model, config);
        parts.targets();
        SavedTargets.resolve(model, config, parts.tied).forEach(parts::add);
        TokenTargets.resolve(model, config, parts.tied).forEach(parts::add);
        return List.copyOf(parts.found.values());
    }

    private void targets() {
        for (String name : names(model)) {
            if (isTarget(name)) {
                Uses uses = tied.uses(name, "target_modules", config.tieMode());
                if (name.equals(tied.head()) && uses == Uses.NAMED) {
                    add(headPair(model, config));
                } else if (uses == Uses.NAMED || !found.containsKey(tied.embedding())) {
                    add(pair(uses == Uses.BOTH ? tied.embedding() : name, uses));
                }
            }
        }
        if (config.tieMode() == LoraConfig.TieMode.SHARED && !tied.isTied() && isTarget(tied.head())) {
            tied.requireTied(tied.head(), "target_modules");
        }
    }

    private boolean isTarget(String name) {
        boolean isNamed = switch (config.targetModules()) {
            case ModulePatterns.AllLinear _ -> false;
            case ModulePatterns.Named named -> named.matches(name);
            case ModulePatterns.Regex regex -> regex.matches(name);
        };
        return isNamed && !AdapterTargets.isExcluded(config, name);
    }

    private void add(AdaptedModule module) {
        if (found.putIfAbsent(module.module(), module) != null) {
            throw new BowlineException(
                    "two settings of the adapter name '%s'".formatted(module.module()),
                    "name it in one of target_modules, modules_to_save and trainable_token_indices");
        }
    }

    private EmbeddingPair pair(String name, Uses uses) {
        if (config.variant() == Variant.DORA) {
            throw new AdapterSettingException(
                    "use_dora",
                    "'%s' is an embedding, and DoRA is for linears only".formatted(name),
                    "use LoRA, or exclude '%s'".formatted(name));
        }
        if (uses == Uses.BOTH) {
            requireOneScale(config, tied);
        }
        return pair(model, config, name, config.rank(name), uses);
    }

    static EmbeddingPair pair(LanguageModel model, LoraConfig config, String name, long rank, Uses uses) {
        Embedding embedding = model.embeddings().get(name);
        if (embedding == null) {
            throw new IllegalArgumentException("no embedding '%s'".formatted(name));
        }
        long vocabulary = embedding.operator().vocabulary();
        long width = embedding.operator().width();
        return new EmbeddingPair(name, vocabulary, width, rank, config.scale(name), uses);
    }

    /// One delta has one rank and one scale.
    static void requireOneScale(LoraConfig config, TiedPair tied) {
        boolean isOne = config.rank(tied.embedding()) == config.rank(tied.head())
                && config.scale(tied.embedding()) == config.scale(tied.head());
        if (!isOne) {
            throw new BowlineException(
                    "rank_pattern or alpha_pattern gives '%s' and '%s' different values, and they share one delta"
                            .formatted(tied.embedding(), tied.head()),
                    "give both the same rank and alpha");
        }
    }

    static LinearPair headPair(LanguageModel model, LoraConfig config) {
        Linear head = model.head().linear();
        LinearOperator operator = head.operator();
        String path = head.path();
        return new LinearPair(
                path, operator.in(), operator.out(), config.rank(path), config.scale(path), config.variant());
    }

    /// The values of a module that [#resolve] returned.
    static AdapterPart part(LanguageModel model, AdaptedModule module) {
        Map<String, Embedding> embeddings = model.embeddings();
        Optional<Embedding> embedding = Optional.ofNullable(embeddings.get(module.module()));
        Optional<Linear> sharing =
                AdapterTies.uses(module) == Uses.BOTH ? Optional.of(model.head().linear()) : Optional.empty();
        return switch (module) {
            case EmbeddingPair pair -> new EmbeddingPart(pair, embedding.orElseThrow(), sharing);
            case TokenRows rows ->
                new TokenRowsPart(
                        rows,
                        embedding,
                        embedding.isPresent()
                                ? sharing
                                : Optional.ofNullable(model.linears().get(rows.module())));
            case SavedModule saved ->
                embedding.isPresent() ? SavedPart.of(saved, embedding.get(), sharing) : saved(model, saved);
            case LinearPair _, AdaptedModule.ExpertPairs _ ->
                throw new IllegalArgumentException("'%s' has a part of its own".formatted(module.module()));
        };
    }

    private static AdapterPart saved(LanguageModel model, SavedModule saved) {
        Linear linear = model.linears().get(saved.module());
        if (linear != null) {
            return SavedPart.of(saved, linear);
        }
        RmsNorm norm = model.norms().get(saved.module());
        if (norm == null) {
            throw new IllegalArgumentException("no module '%s' can be saved".formatted(saved.module()));
        }
        return SavedPart.of(saved, norm);
    }
}
