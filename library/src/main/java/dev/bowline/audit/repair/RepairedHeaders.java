package dev.bowline.audit.repair;

import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.Flags;
import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.evidence.VocabularyRows;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorEntry;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// The headers, the index and config.json of a checkpoint after a plan; every tensor keeps its file.
///
/// @param config an empty object when there is none
record RepairedHeaders(List<SafetensorsHeader> headers, Optional<ShardIndex> index, JsonObject config) {

    static RepairedHeaders of(RepairPlan plan, SourceFiles source) {
        List<SafetensorsHeader> headers = source.headers().stream()
                .map(header -> isTouched(plan, header) ? repaired(plan, header) : header)
                .toList();
        JsonObject config = source.config().orElse(JsonObject.of());
        for (FlagAt flag : plan.before().flags()) {
            JsonValue tied = JsonValue.of(plan.tied());
            config = Flags.with(config, flag.level(), "tie_word_embeddings", tied);
            boolean hasVocabulary = ReleaseTies.objectAt(config, flag.level())
                    .filter(object -> object.has(VocabularyRows.VOCABULARY))
                    .isPresent();
            if (hasVocabulary && plan.vocabulary().isPresent()) {
                JsonValue rows = JsonValue.of(plan.vocabulary().get());
                config = Flags.with(config, flag.level(), VocabularyRows.VOCABULARY, rows);
            }
        }
        return new RepairedHeaders(headers, source.index().map(index -> index(index, headers)), config);
    }

    /// True if a shard is written anew.
    static boolean isTouched(RepairPlan plan, SafetensorsHeader header) {
        return plan.malformed().contains(header.path())
                || plan.names().touch(header)
                || plan.rebuilt().isPresent() && holdsEmbedding(plan, header)
                || plan.rewritesAlias() && namesPair(plan, header);
    }

    private static boolean holdsEmbedding(RepairPlan plan, SafetensorsHeader header) {
        return header.entries().keySet().stream()
                .anyMatch(
                        key -> plan.names().of(header, key).contains(plan.pair().embeddingKey()));
    }

    private static boolean namesPair(RepairPlan plan, SafetensorsHeader header) {
        return header.metadata().containsKey(plan.pair().headKey())
                || header.metadata().containsKey(plan.pair().embeddingKey());
    }

    /// `__metadata__` with the alias of a tied pair, or without one.
    static Map<String, String> metadata(RepairPlan plan, SafetensorsHeader header) {
        String head = plan.pair().headKey();
        String embedding = plan.pair().embeddingKey();
        Map<String, String> metadata = new LinkedHashMap<>(header.metadata());
        metadata.remove(head);
        metadata.remove(embedding);
        if (plan.tied()) {
            metadata.put(head, embedding);
        }
        return metadata;
    }

    private static SafetensorsHeader repaired(RepairPlan plan, SafetensorsHeader header) {
        SafetensorsHeader renamed = SourceFiles.renamed(header, plan.names());
        return new SafetensorsHeader(
                header.path(),
                renamed.entries(),
                new LinkedHashMap<>(metadata(plan, header)),
                header.dataStart(),
                header.dataBytes());
    }

    private static ShardIndex index(ShardIndex index, List<SafetensorsHeader> headers) {
        SequencedMap<String, String> map = new LinkedHashMap<>();
        long bytes = 0;
        long parameters = 0;
        for (SafetensorsHeader header : headers) {
            for (TensorEntry entry : header.entries().values()) {
                map.put(entry.name(), String.valueOf(header.path().getFileName()));
                bytes += entry.bytes();
                parameters += entry.elements();
            }
        }
        JsonObject metadata = index.metadata().with("total_size", bytes);
        if (metadata.has("total_parameters")) {
            metadata = metadata.with("total_parameters", parameters);
        }
        return new ShardIndex(map, metadata);
    }
}
