package dev.bowline.audit;

import dev.bowline.audit.PhysicalState.Kind;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.TensorEntry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What merging a PEFT adapter would do to a tied pair.
final class AdapterRules {

    private static final String NEITHER =
            "the adapter touches neither head nor input embedding, so a merge leaves the tie as it is";

    private final Subject subject;
    private final JsonObject config;
    private final List<PlacedTensor> tensors;
    private final boolean tied;
    private final boolean head;
    private final boolean embedding;
    private final List<PlacedTensor> heads;
    private final List<PlacedTensor> embeddings;
    private final boolean bothCopies;
    private final boolean equalCopies;

    static AdapterRules of(Subject subject, Path adapter) {
        JsonObject config = Json.parse(adapter.resolve("adapter_config.json")).asObject();
        Path file = adapter.resolve("adapter_model.safetensors");
        List<PlacedTensor> tensors = new ArrayList<>();
        if (Files.exists(file)) {
            SafetensorsHeader header = SafetensorsFile.readHeader(file);
            for (TensorEntry entry : header.entries().values()) {
                tensors.add(PlacedTensor.of(header, entry));
            }
        }
        return new AdapterRules(subject, config, tensors);
    }

    private AdapterRules(Subject subject, JsonObject config, List<PlacedTensor> tensors) {
        this.subject = subject;
        this.config = config;
        this.tensors = tensors;
        tied = subject.saysTied() && subject.kind() != Kind.BOTH_DIFFER;
        head = touches(Role.HEAD);
        embedding = touches(Role.EMBEDDING);
        heads = copies(Role.HEAD);
        embeddings = copies(Role.EMBEDDING);
        bothCopies = !heads.isEmpty() && !embeddings.isEmpty();
        equalCopies = bothCopies && PairScan.isSame(heads.getFirst(), embeddings.getFirst());
    }

    /// What a merge does to the tie, in one clause.
    String effect() {
        if (!head && !embedding) {
            return NEITHER;
        }
        return tied
                ? merge(head, embedding, equalCopies)
                : "the checkpoint is not tied, so a merge changes %s and no other"
                        .formatted(
                                head && embedding
                                        ? "head and input embedding"
                                        : head ? "the head" : "the input embedding");
    }

    Optional<Finding> finding() {
        if (!tied || !head && !embedding) {
            return Optional.empty();
        }
        boolean ensured = config.get("ensure_weight_tying")
                .filter(value -> value instanceof JsonBoolean flag && flag.value())
                .isPresent();
        return Optional.of(new Finding(
                FindingCode.T12,
                Severity.CRITICAL,
                "the base is tied, and the adapter changes %s; %s"
                        .formatted(what(head, embedding, bothCopies, equalCopies), merge(head, embedding, equalCopies)),
                List.of(
                        new Evidence("touches the head", String.valueOf(head)),
                        new Evidence("touches the embedding", String.valueOf(embedding)),
                        new Evidence(
                                "full copies",
                                bothCopies
                                        ? equalCopies ? "two, equal" : "two, different"
                                        : String.valueOf(heads.size() + embeddings.size())),
                        new Evidence("ensure_weight_tying", String.valueOf(ensured))),
                equalCopies
                        ? "merge one copy into the shared tensor and leave the flag true"
                        : "untie first, then merge, then leave the flag false: bowline repair %s --untie --out UNTIED --apply"
                                .formatted(Rules.quoted(subject))));
    }

    private static String what(boolean head, boolean embedding, boolean bothCopies, boolean equalCopies) {
        if (bothCopies) {
            return equalCopies ? "both by equal copies" : "both by copies that differ";
        }
        return head && embedding
                ? "head and embedding each by its own delta"
                : head ? "the head alone" : "the embedding alone";
    }

    private static String merge(boolean head, boolean embedding, boolean equalCopies) {
        if (equalCopies) {
            return "a merge gives one value";
        }
        return head && !embedding
                ? "a merge into the shared tensor changes the input embedding too"
                : !head
                        ? "a merge into the shared tensor changes the output too"
                        : "a merge gives two values under a tied flag";
    }

    private boolean touches(Role role) {
        String module = module(role);
        boolean named = names("target_modules").stream().anyMatch(name -> isModule(name, module))
                || names("modules_to_save").stream().anyMatch(name -> isModule(name, module))
                || role == Role.EMBEDDING
                        && config.get("trainable_token_indices")
                                .filter(value -> !(value instanceof dev.bowline.json.JsonNull))
                                .isPresent();
        return named || tensors.stream().anyMatch(tensor -> tensor.key().contains("." + last(module) + "."));
    }

    private List<PlacedTensor> copies(Role role) {
        String last = last(module(role));
        return tensors.stream()
                .filter(tensor -> tensor.key().endsWith("." + last + ".weight")
                        || tensor.key().contains("." + last + ".modules_to_save"))
                .filter(tensor -> !tensor.key().contains("lora_"))
                .toList();
    }

    private String module(Role role) {
        String key =
                role == Role.HEAD ? subject.pair().headKey() : subject.pair().embeddingKey();
        return key.substring(0, key.length() - ".weight".length());
    }

    private static String last(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }

    /// PEFT matches a whole name or its end after a dot; `all-linear` leaves the output layer out.
    private static boolean isModule(String name, String module) {
        return module.equals(name) || module.endsWith("." + name) || name.equals(last(module));
    }

    private List<String> names(String key) {
        Optional<JsonValue> value = config.get(key);
        if (value.isPresent() && value.get() instanceof JsonArray array) {
            return array.values().stream()
                    .filter(JsonString.class::isInstance)
                    .map(JsonValue::asString)
                    .toList();
        }
        return value.filter(JsonString.class::isInstance).map(JsonValue::asString).stream()
                .toList();
    }
}
