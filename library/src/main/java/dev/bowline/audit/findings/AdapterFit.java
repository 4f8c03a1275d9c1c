package dev.bowline.audit.findings;

import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.audit.evidence.BaseModules;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.RangeReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Compares an adapter with its base model: modules, ranks, shapes, and values that change nothing. Most loaders report
/// no error for an adapter key without a module.
final class AdapterFit {

    private static final int SHOWN = 5;
    private static final int BUFFER_BYTES = 1 << 20;

    /// Grouped experts as NeMo AutoModel saves them for families without a format of their own.
    private static final Pattern GROUPED = Pattern.compile("\\.experts\\.lora_\\w+_[AB](\\.weight)?$");

    private final JsonObject config;
    private final List<PlacedTensor> tensors;
    private final BaseModules modules;
    private final SequencedMap<PlacedTensor, AdapterKey> known = new LinkedHashMap<>();
    private final List<Finding> findings = new ArrayList<>();

    private AdapterFit(Subject base, JsonObject config, List<PlacedTensor> tensors) {
        this.config = config;
        this.tensors = List.copyOf(tensors);
        modules = BaseModules.of(base);
        for (PlacedTensor tensor : tensors) {
            AdapterKey.of(tensor.key()).ifPresent(key -> known.put(tensor, key));
        }
    }

    /// @param tensors of the adapter
    static List<Finding> check(Subject base, JsonObject config, List<PlacedTensor> tensors) {
        AdapterFit fit = new AdapterFit(base, config, tensors);
        if (!tensors.isEmpty()) {
            fit.unread();
            fit.modules();
            fit.scale();
            fit.halves();
            fit.effect();
            fit.shapes();
        }
        return fit.findings;
    }

    private void unread() {
        List<String> grouped = keys(tensor -> GROUPED.matcher(tensor.key()).find());
        if (!grouped.isEmpty()) {
            add(
                    FindingCode.T29,
                    Severity.CRITICAL,
                    "%d tensors are experts in NeMo AutoModel's grouped form, which neither PEFT nor vLLM nor llama.cpp"
                                    .formatted(grouped.size())
                            + " reads: the experts would stay those of the base",
                    "export the adapter again in PEFT's form, or merge it with the program that trained it",
                    grouped);
        }
        List<String> others = keys(tensor ->
                !known.containsKey(tensor) && !GROUPED.matcher(tensor.key()).find());
        if (!others.isEmpty()) {
            boolean lackPrefix = others.stream().noneMatch(key -> key.startsWith(AdapterKey.PREFIX));
            add(
                    FindingCode.T31,
                    Severity.HIGH,
                    lackPrefix
                            ? "%d tensors have names that do not begin with '%s', so no reader loads them"
                                    .formatted(others.size(), AdapterKey.PREFIX)
                            : "%d tensors have names that no reader of adapters knows".formatted(others.size()),
                    lackPrefix
                            ? "save the adapter with PEFT's save_pretrained, which writes that prefix"
                            : "save it with PEFT's save_pretrained; tensors of another method need its peft_type",
                    others);
        }
    }

    private void modules() {
        List<String> missing = known.values().stream()
                .map(AdapterKey::plainModule)
                .distinct()
                .filter(module -> !modules.has(module))
                .toList();
        if (missing.isEmpty()) {
            return;
        }
        long all =
                known.values().stream().map(AdapterKey::plainModule).distinct().count();
        Optional<String> meant = modules.named(missing.getFirst());
        add(
                FindingCode.T27,
                missing.size() == all ? Severity.CRITICAL : Severity.HIGH,
                missing.size() == all
                        ? "the base has none of the %d modules that the adapter changes: loaded, it has no effect"
                                .formatted(all)
                        : "the base lacks %d of the %d modules that the adapter changes".formatted(missing.size(), all),
                meant.map(module ->
                                "rename the adapter's keys: the base calls %s %s".formatted(missing.getFirst(), module))
                        .orElse("use the adapter with the model that it was trained on"),
                missing);
    }

    /// Loaders take one rank and one scale for all modules; only PEFT reads the patterns.
    private void scale() {
        Optional<Long> rank = number("r");
        List<String> others = known.entrySet().stream()
                .filter(entry -> !entry.getValue().isExperts())
                .filter(entry -> rankOf(entry.getKey(), entry.getValue().part())
                        .filter(found -> rank.isPresent() && !found.equals(rank.get()))
                        .isPresent())
                .map(entry -> "%s has rank %d"
                        .formatted(
                                entry.getValue().plainModule(),
                                rankOf(entry.getKey(), entry.getValue().part()).orElseThrow()))
                .distinct()
                .toList();
        boolean hasPattern = hasFields("rank_pattern") || hasFields("alpha_pattern");
        if (!others.isEmpty() && !hasFields("rank_pattern")) {
            add(
                    FindingCode.T28,
                    Severity.CRITICAL,
                    "adapter_config.json says r %d, and %d modules have another rank: PEFT refuses the adapter, and vLLM"
                                    .formatted(rank.orElseThrow(), others.size())
                            + " scales it by lora_alpha / r",
                    "set r to the rank of the tensors, or rank_pattern where ranks differ",
                    others);
        } else if (hasPattern) {
            add(
                    FindingCode.T28,
                    Severity.CRITICAL,
                    "rank_pattern or alpha_pattern gives modules a scale of their own, which vLLM, llama.cpp and Ollama"
                            + " do not read: there the adapter has another strength",
                    "merge it with PEFT, or fold the scale into lora_B and drop the patterns",
                    others);
        } else if (isTrue("use_rslora") && rank.filter(r -> r > 1).isPresent()) {
            add(
                    FindingCode.T28,
                    Severity.CRITICAL,
                    "use_rslora scales by lora_alpha / sqrt(r), and llama.cpp and Ollama by lora_alpha / r: there the"
                            + " adapter has another strength",
                    "merge it with PEFT before a conversion",
                    List.of());
        }
    }

    private static Optional<Long> rankOf(PlacedTensor tensor, AdapterKey.Part part) {
        List<Long> shape = tensor.entry().shape();
        if (shape.size() != 2) {
            return Optional.empty();
        }
        return switch (part) {
            case LORA_A, EMBEDDING_A -> Optional.of(shape.getFirst());
            case LORA_B, EMBEDDING_B -> Optional.of(shape.getLast());
            case LORA_B_BIAS, MAGNITUDE, TOKENS, BASE_TABLE, COPY, COPY_BIAS -> Optional.empty();
        };
    }

    private void effect() {
        List<PlacedTensor> second = known.entrySet().stream()
                .filter(entry -> entry.getValue().part() == AdapterKey.Part.LORA_B
                        || entry.getValue().part() == AdapterKey.Part.EMBEDDING_B)
                .map(Map.Entry::getKey)
                .toList();
        List<String> zero = second.stream()
                .filter(AdapterFit::isZero)
                .map(PlacedTensor::key)
                .toList();
        if (zero.isEmpty()) {
            return;
        }
        boolean isAll = zero.size() == second.size();
        boolean changesElse = known.values().stream()
                .map(AdapterKey::part)
                .anyMatch(part -> part == AdapterKey.Part.COPY || part == AdapterKey.Part.TOKENS);
        add(
                FindingCode.T30,
                isAll && !changesElse ? Severity.CRITICAL : Severity.MEDIUM,
                isAll
                        ? "every lora_B is zero, the initial value: the adapter changes nothing"
                        : "%d of %d lora_B are zero, the initial value: those modules are not changed"
                                .formatted(zero.size(), second.size()),
                "look for the adapter that was saved after training, and for weights that were frozen by mistake",
                zero);
    }

    /// A reader fills the missing one of the two matrices as for a new adapter: lora_A with random values, lora_B with
    /// zeros.
    private void halves() {
        List<String> first = modulesWith(AdapterKey.Part.LORA_A, AdapterKey.Part.EMBEDDING_A);
        List<String> second = modulesWith(AdapterKey.Part.LORA_B, AdapterKey.Part.EMBEDDING_B);
        List<String> alone = Stream.concat(
                        first.stream().filter(module -> !second.contains(module)),
                        second.stream().filter(module -> !first.contains(module)))
                .toList();
        if (!alone.isEmpty()) {
            add(
                    FindingCode.T30,
                    Severity.CRITICAL,
                    "%d modules have one of lora_A and lora_B: PEFT warns and starts the other anew, so what was trained"
                                    .formatted(alone.size())
                            + " has no effect there",
                    "save the adapter again with PEFT's save_pretrained, or download all of it",
                    alone);
        }
    }

    private List<String> modulesWith(AdapterKey.Part lora, AdapterKey.Part embedding) {
        return known.values().stream()
                .filter(key -> key.part() == lora || key.part() == embedding)
                .map(AdapterKey::plainModule)
                .distinct()
                .toList();
    }

    /// A zero with a sign is zero too.
    private static boolean isZero(PlacedTensor tensor) {
        try (RangeReader reader = new RangeReader(tensor.range(), BUFFER_BYTES)) {
            int width = tensor.entry().type().bytes();
            int signs = width - 1;
            long at = 0;
            long left = tensor.entry().bytes();
            while (left > 0) {
                ByteBuffer part = reader.next((int) Math.min(BUFFER_BYTES, left));
                left -= part.remaining();
                while (part.hasRemaining()) {
                    byte bits = part.get();
                    boolean hasSign = at++ % width == signs;
                    if ((hasSign ? bits & Byte.MAX_VALUE : bits) != 0) {
                        return false;
                    }
                }
            }
            return true;
        }
    }

    private void shapes() {
        List<String> wrong = new ArrayList<>();
        known.forEach((tensor, key) -> modules.shape(key.plainModule())
                .filter(shape -> !key.isExperts() && !fits(tensor.entry().shape(), key.part(), shape))
                .ifPresent(shape -> wrong.add("%s %s on a weight %s"
                        .formatted(tensor.key(), tensor.entry().shape(), shape))));
        if (!wrong.isEmpty()) {
            add(
                    FindingCode.T32,
                    Severity.HIGH,
                    "%d tensors do not have the shapes of the base's weights".formatted(wrong.size()),
                    "use the adapter with the model that it was trained on; a resized vocabulary changes shapes too",
                    wrong);
        }
    }

    /// @param weight [out, in]; of an embedding [rows, width]
    private static boolean fits(List<Long> shape, AdapterKey.Part part, List<Long> weight) {
        if (weight.size() != 2) {
            return true;
        }
        return switch (part) {
            case LORA_A -> shape.size() == 2 && shape.getLast().equals(weight.getLast());
            case LORA_B -> shape.size() == 2 && shape.getFirst().equals(weight.getFirst());
            case EMBEDDING_A -> shape.size() == 2 && shape.getLast().equals(weight.getFirst());
            case EMBEDDING_B -> shape.size() == 2 && shape.getFirst().equals(weight.getLast());
            case TOKENS -> shape.size() == 2 && shape.getLast().equals(weight.getLast());
            case BASE_TABLE, COPY -> shape.size() != 2 || shape.equals(weight);
            case LORA_B_BIAS, MAGNITUDE, COPY_BIAS -> true;
        };
    }

    private List<String> keys(Predicate<PlacedTensor> which) {
        return tensors.stream().filter(which).map(PlacedTensor::key).toList();
    }

    private Optional<Long> number(String key) {
        return config.get(key)
                .filter(value -> value instanceof JsonNumber number
                        && number.isWhole()
                        && number.text().length() < 10)
                .map(JsonValue::asLong);
    }

    private boolean hasFields(String key) {
        return config.get(key)
                .filter(value ->
                        value instanceof JsonObject object && !object.keys().isEmpty())
                .isPresent();
    }

    private boolean isTrue(String key) {
        return config.get(key)
                .filter(value -> value instanceof JsonBoolean flag && flag.value())
                .isPresent();
    }

    private void add(FindingCode code, Severity severity, String what, String fix, List<String> examples) {
        List<Evidence> evidence = Stream.of(examples)
                .filter(list -> !list.isEmpty())
                .map(list -> new Evidence("such as", String.join(", ", list.subList(0, Math.min(SHOWN, list.size())))))
                .toList();
        findings.add(new Finding(code, severity, what, evidence, fix));
    }
}
