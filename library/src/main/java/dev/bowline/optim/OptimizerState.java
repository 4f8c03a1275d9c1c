package dev.bowline.optim;

import dev.bowline.BowlineException;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The tensors that an optimizer keeps for its parameters. Master weights start as copies of the parameters, all
/// other tensors start at zero. This object owns the tensors.
final class OptimizerState implements AutoCloseable {

    private final List<ParameterState> parameters = new ArrayList<>();

    /// @throws BowlineException if two names reach one tensor, which would be updated twice
    OptimizerState(Map<String, Parameter> trainable, OptimizerSettings settings) {
        Gradients.requireDistinct(trainable);
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            trainable.forEach((name, parameter) -> parameters.add(initial(name, parameter, settings)));
        }
    }

    private static ParameterState initial(String name, Parameter parameter, OptimizerSettings settings) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (StateTensor each : settings.layout(parameter.dtype(), parameter.shape())) {
            Tensor tensor = each.name().equals(StateTensor.MASTER)
                    ? Ops.cast(parameter.value().detach(), Dtype.FLOAT32)
                    : Ops.zeros(parameter.device(), each.dtype(), each.dimensions());
            tensor.retainReference();
            tensors.put(each.name(), tensor);
        }
        return new ParameterState(name, parameter, tensors);
    }

    List<ParameterState> parameters() {
        return parameters;
    }

    /// Every tensor as `<parameter>.<name>`.
    Map<String, Tensor> tensors() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        parameters.forEach(state ->
                state.tensors().forEach((name, tensor) -> all.put("%s.%s".formatted(state.name(), name), tensor)));
        return all;
    }

    void restore(Map<String, Tensor> saved) {
        Map<String, Tensor> own = tensors();
        requireFits(own, saved);
        try (NoGradGuard _ = new NoGradGuard()) {
            own.forEach((name, tensor) -> tensor.copy_(Objects.requireNonNull(saved.get(name))));
        }
    }

    private static void requireFits(Map<String, Tensor> own, Map<String, Tensor> saved) {
        List<String> missing =
                own.keySet().stream().filter(name -> !saved.containsKey(name)).toList();
        List<String> unknown =
                saved.keySet().stream().filter(name -> !own.containsKey(name)).toList();
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            throw misfit("missing %s, unknown %s".formatted(missing, unknown));
        }
        own.forEach((name, tensor) -> {
            String expected = description(tensor);
            String found = description(Objects.requireNonNull(saved.get(name)));
            if (!found.equals(expected)) {
                throw misfit("'%s' is saved as %s, this optimizer keeps %s".formatted(name, found, expected));
            }
        });
    }

    private static String description(Tensor tensor) {
        return Dtype.of(tensor.scalar_type()).configName() + " " + Shapes.text(Shapes.of(tensor));
    }

    private static BowlineException misfit(String difference) {
        return new BowlineException(
                "the saved optimizer state does not fit this model: " + difference,
                "resume with the recipe that wrote it (same model, torch_dtype, freeze_config and optimizer)");
    }

    @Override
    public void close() {
        parameters.forEach(state -> state.tensors().values().forEach(Tensor::close));
        parameters.clear();
    }
}
