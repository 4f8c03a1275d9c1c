package dev.bowline.memory;

import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.tensor.Dtype;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Estimates the tensors that a forward pass saves for the backward pass, from the shapes of the weights.
///
/// A linear keeps its input. A norm keeps its input and one number per row. Attention keeps queries, keys, values
/// and its result; the backward pass recomputes the scores. A gated feed-forward and experts keep the input of
/// their norm and the gate and up products; the backward pass recomputes the rest. Names are the paths of slots,
/// which are names of Hugging Face state dicts in every family.
///
/// Letters: H hidden size, N query heads, K key/value heads, D head size, I inner width.
final class ActivationMemory {

    private static final Pattern IN_LAYER = Pattern.compile("(.*\\blayers\\.\\d+)\\.(.+)");
    private static final int FLOAT = 4;

    /// The ratio of the memory of a step at its peak to the sum of the shapes, with a small margin. The
    /// difference consists of intermediates that live to the end of a layer, products in float32, and freed
    /// blocks that the allocator keeps. Measured; see docs/guides/finetune.md.
    private static final double ALLOWANCE = 1.6;

    private static final double ALLOWANCE_BFLOAT16 = 2.5;

    private final Map<String, Map<String, long[]>> layers = new LinkedHashMap<>();
    private final Map<String, long[]> outside = new LinkedHashMap<>();
    private final long hidden;
    private final long heads;
    private final long expertsPerToken;

    /// @param model without values
    ActivationMemory(LanguageModel model) {
        model.slots().forEach((name, slot) -> {
            Matcher inLayer = IN_LAYER.matcher(name);
            if (inLayer.matches()) {
                layers.computeIfAbsent(inLayer.group(1), _ -> new LinkedHashMap<>())
                        .put(inLayer.group(2), slot.shape());
            } else {
                outside.put(name, slot.shape());
            }
        });
        hidden = model.inputEmbedding().shape()[1];
        JsonObject text = model.config().optionalObject("text_config").orElse(model.config());
        heads = text.optionalInt("num_attention_heads").orElse(1);
        expertsPerToken = model.expertsPerToken();
    }

    long bytes(MemoryPlan plan) {
        Dtype dtype = plan.dtype();
        long kept = outside(dtype);
        long largest = 0;
        for (Map<String, long[]> layer : layers.values()) {
            long one = attention(layer, dtype) + feedForward(layer, dtype) + rest(layer, dtype);
            kept += switch (plan.checkpointing()) {
                case OFF -> one;
                case PER_LAYER -> hidden * dtype.bytes();
            };
            largest = Math.max(largest, one);
        }
        // The backward pass works on one layer at a time.
        long worked = switch (plan.checkpointing()) {
            case OFF -> largest;
            case PER_LAYER -> 2 * largest;
        };
        long adapter = plan.adapter()
                .map(trained ->
                        trained.keptValues(expertsPerToken) * trained.dtype().bytes())
                .orElse(0L);
        double allowance = dtype == Dtype.BFLOAT16 ? ALLOWANCE_BFLOAT16 : ALLOWANCE;
        return Math.round(allowance * plan.tokens() * (kept + worked + adapter));
    }

    /// Bytes per token: the input, the projections, and the tensors that the attention itself keeps.
    private long attention(Map<String, long[]> layer, Dtype dtype) {
        long size = dtype.bytes();
        long keys = out(layer, "k_proj");
        long values = Math.max(keys, out(layer, "v_proj"));
        long queries = out(layer, "q_proj");
        long all = queries + keys + values + out(layer, "qkv_proj") + out(layer, "W_pack");
        long[] result = find(layer, "o_proj");
        long kept = size * (hidden + all + (result.length == 2 ? result[1] : 0));
        if (has(layer, "q_norm")) {
            kept += size * queries;
        }
        if (has(layer, "k_norm")) {
            kept += size * (keys + values);
        }
        return kept + FLOAT * heads;
    }

    private long feedForward(Map<String, long[]> layer, Dtype dtype) {
        long size = dtype.bytes();
        long kept = size * (2 * out(layer, "gate_proj") + out(layer, "mlp.gate_up_proj"));
        long[] experts = find(layer, "experts.gate_up_proj");
        if (experts.length > 0) {
            kept += expertsPerToken * (size * experts[1] + 2 * Long.BYTES); // with the order of the rows
            kept += hidden * (2 * FLOAT + 2 * size) + experts[0] * (2 * FLOAT + size); // the router
        }
        return kept;
    }

    /// Norms of the residual stream, and the per-layer embedding.
    private long rest(Map<String, long[]> layer, Dtype dtype) {
        long norms = layer.entrySet().stream()
                .filter(slot -> slot.getKey().contains("norm") && slot.getValue()[0] == hidden)
                .count();
        long size = dtype.bytes();
        long perLayer = out(layer, "per_layer_input_gate");
        return norms * (size * hidden + FLOAT) + (perLayer > 0 ? size * (hidden + 4 * perLayer) : 0);
    }

    /// The per-layer embedding of all layers, and the last norm with its result.
    private long outside(Dtype dtype) {
        long perLayer = out(outside, "per_layer_model_projection");
        return perLayer * (2 * FLOAT + 2 * dtype.bytes()) + hidden * (2 * FLOAT + dtype.bytes());
    }

    private static boolean has(Map<String, long[]> slots, String part) {
        return find(slots, part).length > 0;
    }

    /// The number of rows of a weight; 0 if the model has no such weight.
    private static long out(Map<String, long[]> slots, String part) {
        long[] shape = find(slots, part);
        return shape.length == 0 ? 0 : shape[0];
    }

    private static long[] find(Map<String, long[]> slots, String part) {
        return slots.entrySet().stream()
                .filter(slot -> slot.getKey().contains(part) && !slot.getKey().endsWith("bias"))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(new long[0]);
    }
}
