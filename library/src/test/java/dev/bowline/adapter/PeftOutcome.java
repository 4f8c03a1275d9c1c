package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Sequences;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;

/// The results of one forward and backward pass with an adapter, to be compared with those of PEFT.
///
/// @param gradients by PEFT's names
record PeftOutcome(Tensor logits, double loss, Map<String, Tensor> gradients) {

    private static final String PREFIX = "grad.base_model.model.";

    static PeftOutcome of(LanguageModel model, Adapter adapter, SafetensorsFile golden) {
        long rows = golden.entry("input_ids").shape().getFirst();
        long length = golden.entry("input_ids").shape().getLast();
        long[] ids = golden.bytes("input_ids").toArray(ValueLayout.JAVA_LONG_UNALIGNED);
        Tensor hidden = model.hiddenStates(
                HostTensors.of(ids, rows, length), Sequences.causal((int) rows, (int) length), Optional.empty());
        Tensor logits = model.head().logits(hidden.detach()).detach();
        long[] labels = shifted(ids, (int) length);
        double weight = 1.0 / (rows * (length - 1));
        double loss =
                new ChunkedCrossEntropy(7).backward(LossInput.of(hidden, model.head(), Targets.of(labels)), weight);
        return new PeftOutcome(logits, loss, gradients(adapter, model));
    }

    private static long[] shifted(long[] ids, int length) {
        long[] labels = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            labels[i] = (i + 1) % length == 0 ? Targets.IGNORED : ids[i + 1];
        }
        return labels;
    }

    private static Map<String, Tensor> gradients(Adapter adapter, LanguageModel model) {
        Map<String, Long> experts = adapter.modules().stream()
                .filter(ExpertPairs.class::isInstance)
                .collect(Collectors.toMap(AdaptedModule::module, module -> ((ExpertPairs) module).experts()));
        Map<String, Tensor> gradients = new LinkedHashMap<>();
        model.trainable().forEach((name, parameter) -> {
            Tensor gradient = parameter.gradientBuffer();
            gradients.put(name, experts.isEmpty() || gradient.dim() == 2 ? gradient : inFile(name, gradient));
        });
        return gradients;
    }

    /// A [E, R, in] to [E R, in], and B [E, out, R] to [out, R E].
    private static Tensor inFile(String name, Tensor gradient) {
        return name.endsWith("lora_A.weight")
                ? gradient.reshape(-1, gradient.size(2))
                : gradient.permute(1, 2, 0).reshape(gradient.size(1), -1);
    }

    /// The norm of the difference of each tensor relative to the norm of PEFT's, by PEFT's names.
    ///
    /// @param golden `logits`, `loss`, and gradients with the prefix `grad.base_model.model.`
    Map<String, Double> distances(SafetensorsFile golden) {
        Map<String, Double> distances = new LinkedHashMap<>();
        distances.put("logits", distance(tensor(golden, "logits"), logits));
        double expectedLoss = tensor(golden, "loss").item_double();
        distances.put("loss", Math.abs(loss - expectedLoss) / expectedLoss);
        List<String> trained = golden.entries().keySet().stream()
                .filter(key -> key.startsWith(PREFIX))
                .sorted()
                .toList();
        assertEquals(
                trained.stream().map(PeftOutcome::slot).sorted().toList(),
                gradients.keySet().stream().sorted().toList());
        trained.forEach(key ->
                distances.put(key, distance(tensor(golden, key), Objects.requireNonNull(gradients.get(slot(key))))));
        return distances;
    }

    private static String slot(String key) {
        return key.substring(PREFIX.length()).replace("lora_magnitude_vector.weight", "lora_magnitude_vector");
    }

    private static double distance(Tensor expected, Tensor actual) {
        return Ops.cast(actual, Dtype.FLOAT32)
                        .view_as(expected)
                        .sub(expected)
                        .norm()
                        .item_double()
                / expected.norm().item_double();
    }

    private static Tensor tensor(SafetensorsFile file, String key) {
        long[] shape =
                file.entry(key).shape().stream().mapToLong(Long::longValue).toArray();
        return HostTensors.copyOf(file.bytes(key), Dtype.FLOAT32, shape);
    }
}
