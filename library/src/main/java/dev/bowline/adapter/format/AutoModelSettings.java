package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorEntry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;

/// Settings of NeMo AutoModel that `adapter_config.json` has no key for.
///
/// With `moe_rank_scaling` grouped experts have the rank dim / (experts per token), and the factor alpha / that
/// rank, while `r` is dim.
final class AutoModelSettings {

    static final String FILE = "automodel_peft_config.json";

    private AutoModelSettings() {}

    /// @return `config` with the ranks of grouped experts
    static LoraConfig apply(Path directory, SafetensorsFile file, LoraConfig config) {
        SequencedMap<String, Long> ranks = new LinkedHashMap<>();
        for (TensorEntry tensor : file.entries().values()) {
            Optional<String> parameter = ExpertKeys.grouped(tensor.name())
                    .filter(ExpertKeys.Grouped::isA)
                    .map(ExpertKeys.Grouped::parameter);
            if (parameter.isPresent() && !tensor.shape().isEmpty()) {
                long rank = tensor.shape().getLast();
                if (rank != config.rank(parameter.get())) {
                    ranks.put(ModulePatterns.regex(parameter.get()), rank);
                }
            }
        }
        if (ranks.isEmpty()) {
            return config;
        }
        if (!scalesRanks(directory)) {
            throw new BowlineException(
                    "%s holds experts of rank %d, and the settings give rank %d"
                            .formatted(file.path(), ranks.firstEntry().getValue(), config.r()),
                    "correct r in adapter_config.json, or put %s back, which AutoModel saves with the adapter"
                            .formatted(FILE));
        }
        config.rankPattern().forEach(ranks::putIfAbsent);
        return config.withPatterns(ranks, config.alphaPattern());
    }

    private static boolean scalesRanks(Path directory) {
        Path file = directory.resolve(FILE);
        return Files.exists(file)
                && Json.parse(file, JsonLimits.CONFIG)
                        .asObject()
                        .get("moe_rank_scaling")
                        .filter(AutoModelSettings::isTrue)
                        .isPresent();
    }

    private static boolean isTrue(JsonValue value) {
        return value instanceof JsonBoolean flag && flag.value();
    }
}
