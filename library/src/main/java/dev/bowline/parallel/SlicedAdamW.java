package dev.bowline.parallel;

import dev.bowline.BowlineException;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.Optimizer;
import dev.bowline.optim.StateTensor;
import dev.bowline.optim.WholeState;
import dev.bowline.parallel.StateSlices.Slice;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/// AdamW over this rank's slices of the parameters.
///
/// A slice is a parameter of its own for AdamW: a view of elements of the real one. The results are those of AdamW over
/// all elements, bit for bit.
final class SlicedAdamW implements Optimizer {

    private final SequencedMap<String, Parameter> trainable;
    private final AdamW.Settings settings;
    private final StateSlices slices;
    private final SliceMemory memory;
    private final StateParts whole;
    private final SequencedMap<Slice, Parameter> own = new LinkedHashMap<>();

    /// Weight decay asks for the shape of the parameter, which a slice does not have.
    private final Optimizer decayed;

    private final Optimizer undecayed;

    SlicedAdamW(
            Map<String, Parameter> trainable,
            AdamW.Settings settings,
            ProcessGroup group,
            KernelPolicy kernels,
            SliceMemory memory) {
        this.trainable = new LinkedHashMap<>(trainable);
        this.settings = settings;
        this.memory = memory;
        slices = memory.slices();
        SequencedMap<String, Parameter> matrices = new LinkedHashMap<>();
        SequencedMap<String, Parameter> others = new LinkedHashMap<>();
        Map<String, Long> first = new LinkedHashMap<>();
        for (Slice slice : slices.of(group.rank())) {
            Parameter part = part(slice);
            own.put(slice, part);
            first.put(slice.name(), slice.from());
            boolean decays = settings.decayed() == Decayed.EVERYTHING
                    || slice.parameter().shape().length >= 2;
            (decays ? matrices : others).put(slice.name(), part);
        }
        decayed = settings.decaying(Decayed.EVERYTHING).create(matrices, first, kernels);
        undecayed = settings.decaying(Decayed.EVERYTHING).withWeightDecay(0).create(others, first, kernels);
        whole = new StateParts(
                group,
                slices,
                this.trainable,
                parameter -> settings.layout(parameter.dtype(), parameter.shape()),
                this::state,
                StateParts.CHUNK_BYTES);
    }

    /// A parameter over elements of another one. It has the same memory.
    private Parameter part(Slice slice) {
        Parameter part = new Parameter(SlotRole.BASE, slice.length());
        share(slice, part);
        return part;
    }

    /// Gives a part the present memory of its values, which a load or a cast replaces.
    private void share(Slice slice, Parameter part) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            part.materialize(memory.values(slice));
        }
    }

    @Override
    public void step(double learningRate) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            own.forEach((slice, part) -> {
                share(slice, part);
                memory.gradient(slice).ifPresent(part::replaceGradient);
            });
            decayed.step(learningRate);
            undecayed.step(learningRate);
            own.values().forEach(Parameter::clearGradient);
        }
        memory.updated();
    }

    @Override
    public Map<String, Tensor> state() {
        Map<String, Tensor> all = new LinkedHashMap<>(decayed.state());
        all.putAll(undecayed.state());
        return all;
    }

    @Override
    public WholeState whole() {
        return whole;
    }

    @Override
    public boolean isDivided() {
        return true;
    }

    @Override
    public void onFirst(Runnable work) {
        memory.onFirst(whole, work);
    }

    @Override
    public void restore(Map<String, Tensor> saved) {
        requireNames(saved);
        try (TensorScope _ = TensorScope.open()) {
            Map<String, Tensor> matrices = new LinkedHashMap<>();
            Map<String, Tensor> others = new LinkedHashMap<>();
            Map<String, Tensor> ofMatrices = decayed.state();
            own.forEach((slice, _) -> {
                for (StateTensor each : settings.layout(
                        slice.parameter().dtype(), slice.parameter().shape())) {
                    String key = "%s.%s".formatted(slice.name(), each.name());
                    Tensor part = part(slice, each, saved.get(key), key);
                    (ofMatrices.containsKey(key) ? matrices : others).put(key, part);
                }
            });
            decayed.restore(matrices);
            undecayed.restore(others);
        }
    }

    private void requireNames(Map<String, Tensor> saved) {
        List<String> expected = new ArrayList<>();
        trainable.forEach((name, parameter) -> settings.layout(parameter.dtype(), parameter.shape())
                .forEach(each -> expected.add("%s.%s".formatted(name, each.name()))));
        List<String> missing =
                expected.stream().filter(name -> !saved.containsKey(name)).toList();
        List<String> unknown =
                saved.keySet().stream().filter(name -> !expected.contains(name)).toList();
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            throw misfit("missing %s, unknown %s".formatted(missing, unknown));
        }
    }

    private Tensor part(Slice slice, StateTensor state, @Nullable Tensor whole, String key) {
        if (whole == null || state.elements() != whole.numel()) {
            throw misfit("'%s' has another size".formatted(key));
        }
        if (state.shape().isEmpty()) {
            return whole;
        }
        long ofOne = state.elementsOfOne(slice.parameter().elements());
        return whole.view(-1)
                .narrow(0, slice.from() / ofOne, StateParts.scaled(state, slice.parameter(), slice.length()));
    }

    private static BowlineException misfit(String difference) {
        return new BowlineException(
                "the saved optimizer state does not fit this model: " + difference,
                "resume with the recipe that wrote it (same model, torch_dtype, freeze_config and optimizer)");
    }

    @Override
    public void close() {
        decayed.close();
        undecayed.close();
        own.values().forEach(Parameter::close);
    }
}
