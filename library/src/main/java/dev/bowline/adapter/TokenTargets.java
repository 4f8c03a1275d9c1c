package dev.bowline.adapter;

import dev.bowline.NearestNames;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.model.LanguageModel;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;

/// The rows that `trainable_token_indices` names. By the rule of PEFT, a name stands for the embedding or the
/// head whose full name ends with it, and a head that is tied to the embedding has the embedding's rows: no tie
/// mode is needed.
final class TokenTargets {

    private static final String SETTING = "trainable_token_indices";

    private final LanguageModel model;
    private final LoraConfig config;
    private final TiedPair tied;

    private TokenTargets(LanguageModel model, LoraConfig config, TiedPair tied) {
        this.model = model;
        this.config = config;
        this.tied = tied;
    }

    static List<TokenRows> resolve(LanguageModel model, LoraConfig config, TiedPair tied) {
        return new TokenTargets(model, config, tied).resolve();
    }

    private List<TokenRows> resolve() {
        SequencedMap<String, List<Long>> ids = new LinkedHashMap<>();
        config.trainableTokenIndices().forEach((name, rows) -> {
            String module = module(name);
            requireIds(model, module, rows);
            if (ids.putIfAbsent(module, rows) != null) {
                throw new AdapterSettingException(
                        SETTING, "%s names '%s' twice".formatted(SETTING, module), "give the rows of a module once");
            }
        });
        if (config.tieMode() == TieMode.SHARED && !ids.isEmpty()) {
            ids.keySet().stream().filter(tied::has).forEach(module -> tied.requireTied(module, SETTING));
        }
        List<TokenRows> rows = new ArrayList<>();
        ids.forEach((module, list) -> {
            Uses uses = uses(module, ids);
            if (uses == Uses.NAMED || module.equals(tied.embedding())) {
                rows.add(rows(model, module, list, uses));
            }
        });
        return rows;
    }

    static TokenRows rows(LanguageModel model, String module, List<Long> ids, Uses uses) {
        return new TokenRows(module, ids, size(model, module).width(), uses);
    }

    private Uses uses(String module, Map<String, List<Long>> ids) {
        if (!tied.isTied() || !tied.has(module)) {
            return Uses.NAMED;
        }
        List<Long> ofEmbedding = ids.get(tied.embedding());
        List<Long> ofHead = ids.get(tied.head());
        boolean isShared = ofEmbedding != null && (ofHead == null || ofHead.equals(ofEmbedding));
        return switch (config.tieMode()) {
            case UNTIE -> {
                if (isShared) {
                    throw new AdapterSettingException(
                            SETTING,
                            "%s has rows of '%s' with the tie mode untie, and PEFT gives a tied head the same rows"
                                            .formatted(SETTING, tied.embedding())
                                    + ": an adapter of one side's rows has no form in PEFT's files",
                            "remove peft.tie_mode, or name '%s' in modules_to_save".formatted(tied.embedding()));
                }
                yield Uses.NAMED;
            }
            case SHARED, UNCHOSEN -> {
                if (!isShared) {
                    throw new AdapterSettingException(
                            SETTING,
                            "%s has other rows for '%s' than for '%s', which are tied"
                                    .formatted(SETTING, tied.head(), tied.embedding()),
                            "name the rows of '%s' only: the tied head has them too; or set peft.tie_mode to untie"
                                    .formatted(tied.embedding()));
                }
                yield Uses.BOTH;
            }
        };
    }

    private String module(String name) {
        List<String> modules = List.copyOf(sizes(model).keySet());
        List<String> named =
                modules.stream().filter(module -> module.endsWith(name)).toList();
        if (named.size() != 1) {
            throw new AdapterSettingException(
                    SETTING,
                    "%s has '%s', which names %s%s"
                            .formatted(
                                    SETTING,
                                    name,
                                    named.isEmpty() ? "no embedding and no head" : String.join(" and ", named),
                                    named.isEmpty() ? NearestNames.hint(name, modules) : ""),
                    "use one of %s".formatted(String.join(", ", modules)));
        }
        return named.getFirst();
    }

    /// @param rows of the table
    /// @param width of a row
    private record Size(long rows, long width) {}

    private static Size size(LanguageModel model, String module) {
        return Objects.requireNonNull(sizes(model).get(module));
    }

    /// The embeddings and the head.
    private static Map<String, Size> sizes(LanguageModel model) {
        Map<String, Size> sizes = new LinkedHashMap<>();
        model.embeddings()
                .forEach((name, embedding) -> sizes.put(
                        name,
                        new Size(
                                embedding.operator().vocabulary(),
                                embedding.operator().width())));
        long[] head = model.lmHead().shape();
        sizes.put(TiedPair.of(model).head(), new Size(head[0], head[1]));
        return sizes;
    }

    static void requireIds(LanguageModel model, String module, List<Long> ids) {
        long rows = size(model, module).rows();
        Set<Long> seen = new HashSet<>();
        for (long id : ids) {
            if (id < 0 || id >= rows) {
                throw new AdapterSettingException(
                        SETTING,
                        "%s has %d, and '%s' has %d rows".formatted(SETTING, id, module, rows),
                        "correct the id, or give the model more rows first (model.resize_token_embeddings)");
            }
            if (!seen.add(id)) {
                throw new AdapterSettingException(
                        SETTING, "%s has %d twice for '%s'".formatted(SETTING, id, module), "name each row once");
            }
        }
        if (ids.isEmpty()) {
            throw new AdapterSettingException(
                    SETTING,
                    "%s names no row of '%s'".formatted(SETTING, module),
                    "name at least one row, or remove it");
        }
    }
}
