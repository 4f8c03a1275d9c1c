package dev.bowline.audit.findings;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.ExpertLayout;
import dev.bowline.adapter.format.StackedExperts;
import dev.bowline.audit.evidence.BaseModules;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.PeftAdapter;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.TensorEntry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;

/// The files of an adapter and of its base, read once for all rules. Files that Bowline refuses are read too.
///
/// @param config adapter_config.json
/// @param tensors of adapter_model.safetensors; empty without that file
/// @param known the meaning of the tensors whose names PEFT writes
/// @param layout of the stacked experts, where the adapter has some and the layout is known
/// @param record Bowline's, where Bowline wrote the adapter
/// @param refusal of Bowline to open the adapter
record AdapterFacts(
        Path directory,
        Subject base,
        BaseModules modules,
        JsonObject config,
        List<PlacedTensor> tensors,
        SequencedMap<PlacedTensor, AdapterKey> known,
        Optional<ExpertLayout> layout,
        Optional<AdapterRecord> record,
        Optional<String> refusal) {

    AdapterFacts {
        tensors = List.copyOf(tensors);
        known = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(known));
    }

    static AdapterFacts read(Subject base, Path adapter) {
        JsonObject config = Json.parse(adapter.resolve(PeftAdapter.CONFIG_FILE), JsonLimits.CONFIG)
                .asObject();
        BaseModules modules = BaseModules.of(base);
        List<PlacedTensor> tensors = tensors(adapter.resolve(PeftAdapter.WEIGHTS_FILE));
        SequencedMap<PlacedTensor, AdapterKey> known = new LinkedHashMap<>();
        for (PlacedTensor tensor : tensors) {
            AdapterKey.of(tensor.key()).ifPresent(key -> known.put(tensor, key));
        }
        Optional<ExpertLayout> layout = Optional.empty();
        Optional<AdapterRecord> record = Optional.empty();
        Optional<String> refusal = Optional.empty();
        try (AdapterFiles files = AdapterFiles.open(adapter)) {
            record = files.record();
            layout = StackedExperts.of(
                            files, parameter -> modules.named(parameter).flatMap(modules::stacked))
                    .layout();
        } catch (BowlineException e) {
            refusal = Optional.of(e.problem());
        }
        return new AdapterFacts(adapter, base, modules, config, tensors, known, layout, record, refusal);
    }

    private static List<PlacedTensor> tensors(Path file) {
        List<PlacedTensor> tensors = new ArrayList<>();
        if (Files.exists(file)) {
            SafetensorsHeader header = SafetensorsFile.readHeader(file);
            for (TensorEntry entry : header.entries().values()) {
                tensors.add(PlacedTensor.of(header, entry));
            }
        }
        return tensors;
    }

    /// The directory of the base, for the operation that ends a finding.
    Path baseDirectory() {
        return base.files().directory();
    }

    boolean hasPart(AdapterKey.Part part) {
        return known.values().stream().anyMatch(key -> key.part() == part);
    }

    Optional<Long> wholeNumber(String key) {
        return config.get(key)
                .filter(value -> value instanceof JsonNumber number
                        && number.isWhole()
                        && number.text().length() < 10)
                .map(JsonValue::asLong);
    }

    boolean hasFields(String key) {
        return config.get(key)
                .filter(value ->
                        value instanceof JsonObject object && !object.keys().isEmpty())
                .isPresent();
    }

    boolean isTrue(String key) {
        return config.get(key)
                .filter(value -> value instanceof JsonBoolean flag && flag.value())
                .isPresent();
    }

    /// True if the key has a value other than null and an empty list or object.
    boolean isSet(String key) {
        return config.get(key)
                .filter(value -> switch (value) {
                    case JsonNull _ -> false;
                    case JsonArray array -> array.size() > 0;
                    case JsonObject object -> !object.keys().isEmpty();
                    case JsonBoolean _, JsonNumber _, JsonString _ -> true;
                })
                .isPresent();
    }

    /// The strings of a list, or the one string.
    List<String> names(String key) {
        JsonValue value = config.get(key).orElseGet(JsonValue::absent);
        return switch (value) {
            case JsonArray array ->
                array.values().stream()
                        .filter(JsonString.class::isInstance)
                        .map(JsonValue::asString)
                        .toList();
            case JsonString text -> List.of(text.value());
            case JsonNull _, JsonBoolean _, JsonNumber _, JsonObject _ -> List.of();
        };
    }

    /// The architecture of the base; empty text where config.json names none.
    String className() {
        return Objects.requireNonNull(base.pair().architecture().orElse(""));
    }

    boolean isHead(String module) {
        return last(module).equals(last(weightless(base.pair().headKey())));
    }

    boolean isInputEmbedding(String module) {
        return last(module).equals(last(weightless(base.pair().embeddingKey())));
    }

    private static String weightless(String key) {
        return key.endsWith(".weight") ? key.substring(0, key.length() - ".weight".length()) : key;
    }

    private static String last(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }
}
