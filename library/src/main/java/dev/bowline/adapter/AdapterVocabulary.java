package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.model.LanguageModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.LongStream;

/// The rows that an adapter adds to the vocabulary of its base.
///
/// The adapter holds every new row itself, by `modules_to_save` or by `trainable_token_indices`, so its files say
/// the number of rows, and the values of the new rows of a resized base have no effect.
final class AdapterVocabulary {

    private AdapterVocabulary() {}

    /// The number of rows of the tables that the adapter of files fits; at least the model's.
    ///
    /// @throws BowlineException if the file's ids leave out a new row
    static long rows(LanguageModel model, AdapterFiles files) {
        long present = model.vocabularySize();
        long rows = present;
        Map<String, Long> tables = tables(model, present);
        for (Map.Entry<String, AdapterKey> each : files.keys().entrySet()) {
            String module = each.getValue().module();
            boolean isTable = tables.containsKey(module)
                    || module.equals(TiedPair.of(model).head());
            if (isTable && each.getValue().part() == Part.COPY) {
                rows = Math.max(
                        rows,
                        Objects.requireNonNull(files.tensors().get(each.getKey()))
                                .shape()
                                .getFirst());
            }
        }
        for (Map.Entry<String, List<Long>> each :
                files.config().trainableTokenIndices().entrySet()) {
            boolean isTable = tables.keySet().stream().anyMatch(module -> module.endsWith(each.getKey()));
            List<Long> added =
                    each.getValue().stream().filter(id -> id >= present).toList();
            long end = added.stream().mapToLong(Long::longValue).max().orElse(-1) + 1;
            if (isTable && end > rows) {
                if (added.size() < end - present) {
                    throw missing(each.getKey(), present, end);
                }
                rows = end;
            }
        }
        return rows;
    }

    /// The tables with a number of rows, by module. A tied head is not among them.
    private static Map<String, Long> tables(LanguageModel model, long rows) {
        Map<String, Long> tables = new LinkedHashMap<>();
        model.embeddings().forEach((name, embedding) -> {
            if (embedding.operator().vocabulary() == rows) {
                tables.put(name, rows);
            }
        });
        TiedPair pair = TiedPair.of(model);
        if (!pair.isTied()) {
            tables.put(pair.head(), rows);
        }
        return tables;
    }

    /// Refuses new rows that no module of the adapter holds: they would be in no file.
    ///
    /// @param model with the new rows
    /// @param before the number of rows of the base as stored
    static void requireNewRows(LanguageModel model, List<AdaptedModule> modules, long before) {
        long rows = model.vocabularySize();
        if (rows == before) {
            return;
        }
        Set<String> tables = new LinkedHashSet<>(tables(model, rows).keySet());
        TiedPair pair = TiedPair.of(model);
        if (pair.isPartedBy(modules)) {
            tables.add(pair.head());
        }
        for (String table : tables) {
            boolean isHeld = modules.stream()
                    .filter(module -> module.module().equals(table))
                    .anyMatch(module -> holds(module, before, rows));
            if (!isHeld) {
                throw missing(table, before, rows);
            }
        }
    }

    private static boolean holds(AdaptedModule module, long before, long rows) {
        return switch (module) {
            case AdaptedModule.SavedModule _ -> true;
            case AdaptedModule.TokenRows tokens ->
                new ArrayList<>(tokens.ids())
                        .containsAll(LongStream.range(before, rows).boxed().toList());
            case AdaptedModule.LinearPair _, AdaptedModule.ExpertPairs _, AdaptedModule.EmbeddingPair _ -> false;
        };
    }

    private static BowlineException missing(String table, long before, long rows) {
        return new AdapterSettingException(
                "trainable_token_indices",
                "the base as stored has %d rows, and the adapter does not hold each of the new rows %d to %d of '%s'"
                        .formatted(before, before, rows - 1, table),
                "name every id from %d to %d for '%s' in trainable_token_indices, or name '%s' in modules_to_save"
                        .formatted(before, rows - 1, table, table));
    }
}
