package dev.bowline.adapter.export;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.StackedExperts;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.WeightFiles;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;

/// An open adapter compared with its base: the deltas, and the tensors that are something else.
///
/// @param experts the stacked experts among the tensors
/// @param deltas in the order of the modules' names, experts last
/// @param wholes keys of values that replace the base's: saved modules, rows of tokens, lengths of DoRA
/// @param tables keys of the copies of the base's own tables that PEFT stores with an embedding's delta
record SourceAdapter(
        AdapterFiles files, StackedExperts experts, List<Delta> deltas, List<String> wholes, List<String> tables) {

    private enum Role {
        FIRST_OF_PAIR,
        SECOND_OF_PAIR,
        TABLE,
        WHOLE
    }

    SourceAdapter {
        deltas = List.copyOf(deltas);
        wholes = List.copyOf(wholes);
        tables = List.copyOf(tables);
    }

    /// @param arena owner of the copies of experts' matrices
    /// @throws BowlineException for an adapter of another base
    static SourceAdapter of(AdapterFiles files, ExportBase base, WeightFiles weights, Arena arena) {
        requireTrainedValues(files, base);
        StackedExperts experts = StackedExperts.of(files, base.experts(weights));
        List<Delta> deltas = new ArrayList<>();
        List<String> wholes = new ArrayList<>();
        List<String> tables = new ArrayList<>();
        SequencedMap<String, String> firsts = new TreeMap<>();
        files.keys().forEach((name, key) -> {
            Role role = switch (key.part()) {
                case LORA_A, EMBEDDING_A -> Role.FIRST_OF_PAIR;
                case LORA_B, EMBEDDING_B -> Role.SECOND_OF_PAIR;
                case BASE_TABLE -> Role.TABLE;
                case COPY, COPY_BIAS, LORA_B_BIAS, MAGNITUDE, TOKENS -> Role.WHOLE;
            };
            if (role == Role.FIRST_OF_PAIR && !experts.keys().contains(name)) {
                firsts.put(key.module(), name);
            } else if (role == Role.TABLE) {
                tables.add(name);
            } else if (role == Role.WHOLE) {
                wholes.add(name);
            }
        });
        firsts.values().forEach(first -> deltas.add(delta(files, first, base)));
        experts.pairs(arena)
                .forEach(pair ->
                        deltas.add(new Delta.OfExperts(pair, files.config().scale(pair.parameter()))));
        SourceAdapter source = new SourceAdapter(files, experts, deltas, wholes, tables);
        tables.forEach(table -> source.requireTable(table, base, weights));
        return source;
    }

    /// An export without them would no longer show that they are lost.
    private static void requireTrainedValues(AdapterFiles files, ExportBase base) {
        for (String name : files.config().modulesToSave()) {
            boolean isInBase = base.modules().names().stream().anyMatch(module -> isNamed(module, name));
            if (isInBase && !hasPart(files, Set.of(Part.COPY, Part.COPY_BIAS), name)) {
                throw lost(files, "'%s' in modules_to_save".formatted(name));
            }
        }
        for (String name : files.config().trainableTokenIndices().keySet()) {
            if (files.keys().values().stream().noneMatch(key -> key.part() == Part.TOKENS)) {
                throw lost(files, "'%s' in trainable_token_indices".formatted(name));
            }
        }
    }

    private static boolean hasPart(AdapterFiles files, Set<Part> parts, String name) {
        return files.keys().values().stream()
                .filter(key -> parts.contains(key.part()))
                .anyMatch(key -> isNamed(key.module(), name));
    }

    /// PEFT compares the endings of names; a saved module may hold others.
    private static boolean isNamed(String module, String name) {
        return module.endsWith(name) || module.contains("." + name + ".") || module.startsWith(name + ".");
    }

    private static BowlineException lost(AdapterFiles files, String setting) {
        return new BowlineException(
                "the adapter %s names %s, and its file has no values of it".formatted(files.directory(), setting),
                "save the adapter again with the program that trained it; without the values that training is lost");
    }

    private static Delta delta(AdapterFiles files, String first, ExportBase base) {
        AdapterKey key = AdapterKey.of(first).orElseThrow();
        Part other = key.part() == Part.LORA_A ? Part.LORA_B : Part.EMBEDDING_B;
        String second = files.keys().entrySet().stream()
                .filter(entry -> entry.getValue().equals(new AdapterKey(key.module(), other)))
                .findFirst()
                .orElseThrow()
                .getKey();
        Matrix a = matrix(files, first);
        Matrix b = matrix(files, second);
        double scale = files.config().scale(key.module());
        boolean isEmbedding = key.part() == Part.EMBEDDING_A;
        List<Long> change = isEmbedding
                ? List.of((long) a.columns(), (long) b.rows())
                : List.of((long) b.rows(), (long) a.columns());
        requireShape(files, key.module(), change, base);
        return isEmbedding
                ? new Delta.OfEmbedding(key.module(), a, b, scale)
                : new Delta.OfLinear(key.module(), a, b, scale);
    }

    private static void requireShape(AdapterFiles files, String module, List<Long> change, ExportBase base) {
        String named = base.modules()
                .named(module)
                .orElseThrow(() -> new BowlineException(
                        "the adapter %s changes '%s', which the base %s has not"
                                .formatted(files.directory(), module, base.directory()),
                        "name the base model that the adapter was trained on"));
        List<Long> shape = base.modules().shape(named).orElse(change);
        if (!shape.equals(change)) {
            throw new BowlineException(
                    "the adapter %s changes a weight %s in '%s', and the weight of the base %s is %s"
                            .formatted(files.directory(), change, module, base.directory(), shape),
                    "name the base model that the adapter was trained on");
        }
    }

    private static Matrix matrix(AdapterFiles files, String key) {
        TensorEntry entry = Objects.requireNonNull(files.tensors().get(key));
        return Matrix.of(
                files.bytes(key),
                entry.type(),
                entry.shape().getFirst(),
                entry.shape().getLast());
    }

    /// A table with other rows or values than the base's is a change that the deltas do not hold.
    private void requireTable(String key, ExportBase base, WeightFiles weights) {
        TensorEntry table = Objects.requireNonNull(files.tensors().get(key));
        String module = AdapterKey.of(key).orElseThrow().module();
        List<String> candidates = base.isTied()
                ? List.of(base.subject().pair().headKey(), base.subject().pair().embeddingKey())
                : List.of(
                        base.isHead(module)
                                ? base.subject().pair().headKey()
                                : base.subject().pair().embeddingKey());
        TensorEntry own = candidates.stream()
                .filter(weights.entries()::containsKey)
                .map(weights::entry)
                .findFirst()
                .orElse(table);
        boolean differs = !own.shape().equals(table.shape())
                || own != table
                        && own.type() == table.type()
                        && weights.bytes(own.name()).mismatch(files.bytes(key)) != -1;
        if (differs) {
            throw new BowlineException(
                    "the adapter %s holds '%s' %s with other rows than the base's %s"
                            .formatted(files.directory(), key, table.shape(), own.shape()),
                    "name the base model that the adapter was trained on, with its resized vocabulary");
        }
    }

    LoraConfig config() {
        return files.config();
    }

    int maxRank() {
        return deltas.stream().mapToInt(Delta::rank).max().orElse(0);
    }
}
