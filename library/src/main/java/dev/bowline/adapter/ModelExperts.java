package dev.bowline.adapter;

import dev.bowline.adapter.format.BaseExperts;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The experts of a model, by which the layout of an adapter is told.
record ModelExperts(LanguageModel model) implements BaseExperts {

    @Override
    public Optional<List<Long>> shape(String parameter) {
        return Optional.ofNullable(model.linearStacks().get(parameter))
                .map(stack -> Arrays.stream(stack.weight().shape()).boxed().toList());
    }

    @Override
    public Optional<double[]> outputScale(String experts) {
        String layer = experts.substring(0, experts.lastIndexOf('.'));
        return Optional.ofNullable(model.slots().get(layer + ".router.per_expert_scale"))
                .filter(slot -> slot.get().isMaterialized())
                .map(ModelExperts::values);
    }

    private static double[] values(Slot slot) {
        try (TensorScope _ = TensorScope.open()) {
            return HostTensors.bytes(Ops.cast(Device.CPU.place(slot.tensor().detach()), Dtype.FLOAT64))
                    .toArray(ValueLayout.JAVA_DOUBLE);
        }
    }
}
