package dev.bowline.adapter.format;

import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.WeightFiles;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/// The facts about a base's stacked experts by which an adapter's layout is told.
@FunctionalInterface
public interface BaseExperts {

    /// The shape `[experts, out, in]` of a stacked weight by its full name; empty for a weight that is not known.
    Optional<List<Long>> shape(String parameter);

    /// The factor that the router of Gemma 4 multiplies each expert's output with (`per_expert_scale`); empty
    /// for a model without, or where it is not known.
    ///
    /// @param experts the module, such as `model.language_model.layers.0.experts`
    default Optional<double[]> outputScale(String experts) {
        return Optional.empty();
    }

    /// No base is at hand.
    static BaseExperts unknown() {
        return _ -> Optional.empty();
    }

    /// The experts of a checkpoint, stacked or as a linear per expert.
    ///
    /// @param weights open as long as the result is used
    static BaseExperts of(WeightFiles weights) {
        return new CheckpointExperts(weights);
    }

    /// Reads a checkpoint's keys, which are the names of transformers' modules.
    ///
    /// @param weights open
    record CheckpointExperts(WeightFiles weights) implements BaseExperts {

        @Override
        public Optional<List<Long>> shape(String parameter) {
            return Optional.ofNullable(weights.entries().get(parameter))
                    .map(TensorEntry::shape)
                    .or(() -> split(parameter));
        }

        private Optional<List<Long>> split(String parameter) {
            String experts = parameter.substring(0, parameter.lastIndexOf('.'));
            boolean isDown = parameter.endsWith(ExpertKeys.DOWN);
            TensorEntry first =
                    weights.entries().get("%s.0.%s.weight".formatted(experts, isDown ? ExpertKeys.DOWN : "gate_proj"));
            if (first == null) {
                return Optional.empty();
            }
            long count = 1;
            while (weights.entries().containsKey("%s.%d.%s.weight".formatted(experts, count, ExpertKeys.DOWN))) {
                count++;
            }
            long out = first.shape().getFirst() * (isDown ? 1 : 2);
            return Optional.of(List.of(count, out, first.shape().getLast()));
        }

        @Override
        public Optional<double[]> outputScale(String experts) {
            String layer = experts.substring(0, experts.lastIndexOf('.'));
            return Optional.ofNullable(weights.entries().get(layer + ".router.per_expert_scale"))
                    .flatMap(entry -> ElementReader.of(entry.type()).map(reader -> values(entry, reader)));
        }

        private double[] values(TensorEntry entry, ElementReader reader) {
            ByteBuffer bytes = weights.bytes(entry.name()).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            double[] values = new double[Math.toIntExact(entry.elements())];
            for (int i = 0; i < values.length; i++) {
                values[i] = reader.value(bytes, i * reader.bytes());
            }
            return values;
        }
    }
}
