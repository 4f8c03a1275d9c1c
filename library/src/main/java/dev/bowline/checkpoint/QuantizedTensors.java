package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.quantization.BitsAndBytes;
import dev.bowline.quantization.Quantization;
import dev.bowline.quantization.QuantizedMatrix;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.WeightFiles;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// The tensors of a checkpoint, with each weight that bitsandbytes quantised as one tensor of its own shape: its
/// codes, its scales and its state are no tensors of their own.
final class QuantizedTensors {

    private static final String WEIGHT = "weight";

    /// The tensors next to an NF4 weight.
    private static final List<String> NF4_SUFFIXES =
            List.of(".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", BitsAndBytes.NF4_STATE);

    /// The tensors next to an int8 weight, in the place of `weight`.
    private static final List<String> INT8_NAMES = List.of("SCB", "weight_format");

    private final WeightFiles weights;
    private final SequencedMap<String, TensorEntry> entries;
    private final Map<String, Quantization> formats = new LinkedHashMap<>();

    private QuantizedTensors(WeightFiles weights, Optional<Quantization> format) {
        this.weights = weights;
        SequencedMap<String, TensorEntry> logical = new LinkedHashMap<>(weights.entries());
        format.ifPresent(each -> weights.entries().values().forEach(entry -> replace(logical, each, entry)));
        entries = Collections.unmodifiableSequencedMap(logical);
    }

    /// @param weights opened with their bytes
    static QuantizedTensors of(JsonObject config, WeightFiles weights) {
        return new QuantizedTensors(
                weights, config.optionalObject("quantization_config").flatMap(BitsAndBytes::format));
    }

    private void replace(SequencedMap<String, TensorEntry> logical, Quantization format, TensorEntry entry) {
        String key = entry.name();
        switch (format) {
            case NF4 -> {
                if (weights.entries().containsKey(key + BitsAndBytes.NF4_STATE)) {
                    JsonObject state = state(key);
                    long[] shape = BitsAndBytes.shape(state);
                    replace(logical, key, format, List.of(shape[0], shape[1]));
                    NF4_SUFFIXES.forEach(suffix -> logical.remove(key + suffix));
                }
            }
            case INT8 -> {
                if (entry.type() == SafetensorsType.I8 && weights.entries().containsKey(beside(key, "SCB"))) {
                    requireRows(key);
                    replace(logical, key, format, entry.shape());
                    INT8_NAMES.forEach(name -> logical.remove(beside(key, name)));
                }
            }
        }
    }

    private void replace(SequencedMap<String, TensorEntry> logical, String key, Quantization format, List<Long> shape) {
        long bytes = SafetensorsType.BF16.bytes() * shape.stream().reduce(1L, Math::multiplyExact);
        logical.put(key, new TensorEntry(key, SafetensorsType.BF16, shape, 0, bytes));
        formats.put(key, format);
    }

    private static String beside(String key, String name) {
        return key.endsWith(WEIGHT) ? key.substring(0, key.length() - WEIGHT.length()) + name : key + "." + name;
    }

    private JsonObject state(String key) {
        byte[] text = weights.bytes(key + BitsAndBytes.NF4_STATE).toArray(ValueLayout.JAVA_BYTE);
        return Json.parse(new String(text, StandardCharsets.UTF_8), key + BitsAndBytes.NF4_STATE)
                .asObject();
    }

    /// Refuses an order of values that is made for the kernels of one GPU.
    private void requireRows(String key) {
        String format = beside(key, "weight_format");
        if (weights.entries().containsKey(format) && weights.bytes(format).get(ValueLayout.JAVA_BYTE, 0) != 0) {
            throw new BowlineException(
                    "'%s' is not 0: the int8 values are in an order of one kind of GPU".formatted(format),
                    "save the model again with a bitsandbytes that writes rows");
        }
    }

    /// All tensors. A quantised weight has its own shape and counts as bfloat16.
    SequencedMap<String, TensorEntry> entries() {
        return entries;
    }

    Optional<Quantization> format(String key) {
        return Optional.ofNullable(formats.get(key));
    }

    /// A copy of the quantised weight `key`.
    QuantizedMatrix matrix(String key) {
        List<Long> shape = weights.entry(key).shape();
        return switch (format(key).orElseThrow()) {
            case NF4 -> BitsAndBytes.nf4(key, state(key), weights.bytes(key), suffix -> weights.bytes(key + suffix));
            case INT8 ->
                BitsAndBytes.int8(shape.get(0), shape.get(1), weights.bytes(key), weights.bytes(beside(key, "SCB")));
        };
    }
}
