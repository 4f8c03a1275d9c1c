package dev.bowline.optim;

import dev.bowline.BowlineException;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RowTiles;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/// AdamW with decoupled weight decay (Loshchilov and Hutter 2019), by libtorch's fused kernel.
///
/// It sees every value once, however many slots reach it. Moments are float32; a bfloat16 parameter is
/// updated through a float32 master copy.
///
/// For one thread, the one that trains.
public final class AdamW implements AutoCloseable {

    /// @param beta1 decay of the first moment
    /// @param beta2 decay of the second moment
    /// @param epsilon added to the root of the second moment
    /// @param weightDecay per step and unit of learning rate
    /// @param decayed which parameters decay
    public record Settings(double beta1, double beta2, double epsilon, double weightDecay, Decayed decayed) {

        /// PyTorch's constants, without the decay of norms and biases.
        public static Settings defaults() {
            return new Settings(0.9, 0.999, 1e-8, 0.01, Decayed.MATRICES);
        }

        public Settings withWeightDecay(double other) {
            return new Settings(beta1, beta2, epsilon, other, decayed);
        }

        public Settings withBetas(double first, double second) {
            return new Settings(first, second, epsilon, weightDecay, decayed);
        }

        public Settings {
            if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
                throw new IllegalArgumentException("betas are %s and %s".formatted(beta1, beta2));
            }
            if (!(epsilon > 0) || weightDecay < 0) {
                throw new IllegalArgumentException("epsilon is %s, decay %s".formatted(epsilon, weightDecay));
            }
        }
    }

    /// Which parameters weight decay applies to.
    public enum Decayed {
        /// Tensors of two or more dimensions; norms, biases and other vectors are left alone.
        MATRICES,
        EVERYTHING
    }

    /// Elements of a bfloat16 parameter that are updated together.
    static final long BLOCK_ELEMENTS = 1 << 20;

    /// Elements whose norm is computed together.
    static final long NORM_ELEMENTS = 1 << 17;

    private static final String FIRST = ".exp_avg";
    private static final String SECOND = ".exp_avg_sq";
    private static final String MASTER = ".master";
    private static final String STEPS = ".step";

    private final Settings settings;
    private final Map<String, State> states = new LinkedHashMap<>();

    /// @param master the float32 copy of a parameter of another dtype
    private record State(
            Parameter parameter, Tensor first, Tensor second, Tensor steps, Optional<Tensor> master, double decay) {}

    /// @param trained every value to update by its canonical name, each once
    /// @throws BowlineException if two names reach one tensor: it would be stepped twice
    public AdamW(Map<String, Parameter> trained, Settings settings) {
        this.settings = settings;
        Map<Long, String> seen = new HashMap<>();
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            trained.forEach((name, parameter) -> {
                String other = seen.put(Ops.address(parameter.value()), name);
                if (other != null) {
                    throw new BowlineException(
                            "the optimizer was given one tensor twice, as '%s' and as '%s'".formatted(other, name),
                            "pass each distinct parameter once, by its canonical name");
                }
                states.put(name, fresh(parameter));
            });
        }
    }

    private State fresh(Parameter parameter) {
        long[] shape = parameter.shape();
        Optional<Tensor> master = parameter.dtype() == Dtype.FLOAT32
                ? Optional.empty()
                : Optional.of(kept(Ops.cast(parameter.value().detach(), Dtype.FLOAT32)));
        return new State(
                parameter,
                kept(Ops.zeros(Dtype.FLOAT32, shape)),
                kept(Ops.zeros(Dtype.FLOAT32, shape)),
                kept(Ops.zeros(Dtype.FLOAT32)),
                master,
                decays(shape) ? settings.weightDecay() : 0);
    }

    private boolean decays(long[] shape) {
        return switch (settings.decayed()) {
            case MATRICES -> shape.length >= 2;
            case EVERYTHING -> true;
        };
    }

    private static Tensor kept(Tensor tensor) {
        tensor.retainReference();
        return tensor;
    }

    /// The trained parameters that have no gradient now.
    public List<String> withoutGradient() {
        try (TensorScope _ = TensorScope.open()) {
            return states.entrySet().stream()
                    .filter(entry -> entry.getValue().parameter().gradient().isEmpty())
                    .map(Map.Entry::getKey)
                    .toList();
        }
    }

    /// The Euclidean norm of all gradients together, each value counted once, in float32.
    public double gradientNorm() {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            TensorVector norms = new TensorVector();
            for (State state : states.values()) {
                state.parameter().gradient().ifPresent(gradient -> norms.push_back(norm(gradient)));
            }
            return norms.empty() ? 0 : Ops.norm(Ops.stack(norms)).item_double();
        }
    }

    /// By blocks, because libtorch would convert a whole bfloat16 gradient to float32 first.
    private static Tensor norm(Tensor gradient) {
        Tensor flat = gradient.reshape(-1, 1);
        RowTiles blocks = RowTiles.of(flat, NORM_ELEMENTS);
        Tensor norms = Ops.empty(Dtype.FLOAT32, blocks.count(), 1);
        blocks.forEach(block -> Ops.rowNormsInto(
                norms.narrow(0, block.index(), 1), block.of(flat).view(1, -1)));
        return Ops.norm(norms);
    }

    /// Scales every gradient so that their norm, which is `norm`, becomes at most `maxNorm`.
    public void clip(double norm, double maxNorm) {
        if (!(norm > maxNorm)) {
            return;
        }
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Scalar factor = new Scalar(maxNorm / (norm + 1e-6));
            states.values().forEach(state -> state.parameter().gradient().ifPresent(g -> g.mul_(factor)));
        }
    }

    /// Updates every parameter that has a gradient.
    public void step(double learningRate) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Map<Double, List<State>> direct = new LinkedHashMap<>();
            for (State state : states.values()) {
                if (state.master().isPresent()) {
                    stepThroughMaster(state, state.master().get(), learningRate);
                } else if (state.parameter().gradient().isPresent()) {
                    direct.computeIfAbsent(state.decay(), _ -> new ArrayList<>())
                            .add(state);
                }
            }
            direct.forEach((decay, group) -> stepDirectly(group, decay, learningRate));
        }
    }

    private void stepDirectly(List<State> group, double decay, double learningRate) {
        TensorVector values = new TensorVector();
        TensorVector gradients = new TensorVector();
        TensorVector first = new TensorVector();
        TensorVector second = new TensorVector();
        TensorVector steps = new TensorVector();
        for (State state : group) {
            values.push_back(state.parameter().value().detach());
            gradients.push_back(state.parameter().gradient().orElseThrow());
            first.push_back(state.first());
            second.push_back(state.second());
            steps.push_back(state.steps().add_(new Scalar(1.0)));
        }
        update(values, gradients, first, second, steps, decay, learningRate);
    }

    /// A block of elements at a time: the gradient exists in float32 for one block only, and what one pass
    /// over a block wrote is still in the processor's cache for the next.
    private void stepThroughMaster(State state, Tensor master, double learningRate) {
        try (TensorScope _ = TensorScope.open()) {
            Optional<Tensor> found = state.parameter().gradient();
            if (found.isEmpty()) {
                return;
            }
            Tensor gradient = found.get().reshape(-1);
            Tensor value = state.parameter().value().detach().view(-1);
            Tensor flatMaster = master.view(-1);
            Tensor first = state.first().view(-1);
            Tensor second = state.second().view(-1);
            TensorVector steps = new TensorVector(state.steps().add_(new Scalar(1.0)));
            for (long from = 0; from < gradient.numel(); from += BLOCK_ELEMENTS) {
                try (TensorScope _ = TensorScope.open()) {
                    long size = Math.min(BLOCK_ELEMENTS, gradient.numel() - from);
                    Tensor block = flatMaster.narrow(0, from, size);
                    update(
                            new TensorVector(block),
                            new TensorVector(Ops.cast(gradient.narrow(0, from, size), Dtype.FLOAT32)),
                            new TensorVector(first.narrow(0, from, size)),
                            new TensorVector(second.narrow(0, from, size)),
                            steps,
                            state.decay(),
                            learningRate);
                    value.narrow(0, from, size).copy_(block);
                }
            }
        }
    }

    private void update(
            TensorVector values,
            TensorVector gradients,
            TensorVector first,
            TensorVector second,
            TensorVector steps,
            double decay,
            double learningRate) {
        Ops.fusedAdamW(
                new Ops.AdamWTensors(values, gradients, first, second, steps),
                new Ops.AdamWRates(learningRate, settings.beta1(), settings.beta2(), decay, settings.epsilon()));
    }

    public void clearGradients() {
        states.values().forEach(state -> state.parameter().clearGradient());
    }

    /// The moments, step counts and master copies as `<parameter>.<what>`, still owned by this optimizer.
    public Map<String, Tensor> state() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        states.forEach((name, state) -> {
            all.put(name + FIRST, state.first());
            all.put(name + SECOND, state.second());
            all.put(name + STEPS, state.steps());
            state.master().ifPresent(master -> all.put(name + MASTER, master));
        });
        return all;
    }

    /// Copies a saved state into this optimizer.
    ///
    /// @throws BowlineException if a name is missing or left over, or a shape differs
    public void restore(Map<String, Tensor> saved) {
        Map<String, Tensor> own = state();
        List<String> missing =
                own.keySet().stream().filter(name -> !saved.containsKey(name)).toList();
        List<String> unknown =
                saved.keySet().stream().filter(name -> !own.containsKey(name)).toList();
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            throw new BowlineException(
                    "the saved optimizer state does not fit this model: missing %s, unknown %s"
                            .formatted(missing, unknown),
                    "resume with the recipe that wrote it (same model, dtype and freeze_config)");
        }
        try (NoGradGuard _ = new NoGradGuard()) {
            own.forEach((name, tensor) -> tensor.copy_(saved.get(name)));
        }
    }

    @Override
    public void close() {
        states.values().forEach(state -> {
            state.first().close();
            state.second().close();
            state.steps().close();
            state.master().ifPresent(Tensor::close);
        });
        states.clear();
    }
}
