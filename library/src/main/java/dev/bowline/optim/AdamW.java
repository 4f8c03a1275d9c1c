package dev.bowline.optim;

import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.quantization.DynamicMap;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/// AdamW with decoupled weight decay (Loshchilov and Hutter 2019), by libtorch's fused kernel or by plain operators.
///
/// A bfloat16 parameter is updated through a float32 master copy. Moments are kept in float32, bfloat16 or 8 bits, and
/// every update is computed in float32.
public final class AdamW implements Optimizer {

    /// @param beta1 decay rate of the first moment
    /// @param beta2 decay rate of the second moment
    /// @param epsilon added to the root of the second moment
    /// @param weightDecay per step and unit of learning rate
    /// @param decayed the parameters that weight decay applies to
    /// @param stateDtype the dtype of both moments
    public record Settings(
            double beta1, double beta2, double epsilon, double weightDecay, Decayed decayed, StateDtype stateDtype)
            implements OptimizerSettings {

        public Settings {
            if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
                throw new IllegalArgumentException("betas are %s and %s".formatted(beta1, beta2));
            }
            if (!(epsilon > 0) || weightDecay < 0) {
                throw new IllegalArgumentException("epsilon is %s, decay %s".formatted(epsilon, weightDecay));
            }
        }

        /// Float32 moments.
        public Settings(double beta1, double beta2, double epsilon, double weightDecay, Decayed decayed) {
            this(beta1, beta2, epsilon, weightDecay, decayed, StateDtype.FLOAT32);
        }

        /// The defaults of PyTorch, but without decay of norms and biases.
        public static Settings defaults() {
            return new Settings(0.9, 0.999, 1e-8, 0.01, Decayed.MATRICES);
        }

        public Settings withWeightDecay(double other) {
            return new Settings(beta1, beta2, epsilon, other, decayed, stateDtype);
        }

        public Settings withBetas(double first, double second) {
            return new Settings(first, second, epsilon, weightDecay, decayed, stateDtype);
        }

        public Settings with(StateDtype other) {
            return new Settings(beta1, beta2, epsilon, weightDecay, decayed, other);
        }

        public Settings decaying(Decayed other) {
            return new Settings(beta1, beta2, epsilon, weightDecay, other, stateDtype);
        }

        @Override
        public OptimizerName name() {
            return OptimizerName.ADAMW;
        }

        @Override
        public List<StateTensor> moments(long... shape) {
            List<StateTensor> all = new ArrayList<>();
            for (String moment : List.of(FIRST, SECOND)) {
                switch (stored(shape)) {
                    case FLOAT32 -> all.add(StateTensor.of(moment, Dtype.FLOAT32, shape));
                    case BFLOAT16 -> all.add(StateTensor.of(moment, Dtype.BFLOAT16, shape));
                    case INT8 -> {
                        all.add(StateTensor.of(moment, Dtype.UINT8, shape));
                        all.add(StateTensor.of(moment + ABSMAX, Dtype.FLOAT32, Int8Moment.blocks(elements(shape))));
                    }
                }
            }
            all.add(StateTensor.of(StateTensor.STEP, Dtype.FLOAT32));
            return all;
        }

        private StateDtype stored(long[] shape) {
            boolean isSmall = elements(shape) < Int8Moment.MIN_ELEMENTS;
            return stateDtype == StateDtype.INT8 && isSmall ? StateDtype.FLOAT32 : stateDtype;
        }

        private static long elements(long[] shape) {
            long elements = 1;
            for (long size : shape) {
                elements = Math.multiplyExact(elements, size);
            }
            return elements;
        }

        @Override
        public AdamW create(Map<String, Parameter> trainable, KernelPolicy kernels) {
            return create(trainable, Map.of(), kernels);
        }

        /// An optimizer over parts of parameters. Each part begins and ends at a multiple of 64 elements, with 8-bit
        /// moments of [#BLOCK_OF_CODES], or where the parameter does.
        ///
        /// @param first the place of the first element of a part in its parameter, by name; 0 for a name that
        ///     is not in the map
        public AdamW create(Map<String, Parameter> parts, Map<String, Long> first, KernelPolicy kernels) {
            return new AdamW(parts, first, this, kernels);
        }
    }

    /// Elements of a block of 8-bit moments.
    public static final long BLOCK_OF_CODES = Int8Moment.BLOCK;

    /// Elements that are updated together if a moment or a gradient is converted to float32.
    static final long BLOCK_ELEMENTS = 1 << 20;

    private static final String FIRST = "exp_avg";
    private static final String SECOND = "exp_avg_sq";
    private static final String ABSMAX = "_absmax";

    private final Settings settings;
    private final KernelPolicy kernels;
    private final Map<String, Long> first;
    private final OptimizerState states;

    /// An optimizer with fused kernels of the CPU.
    ///
    /// @throws dev.bowline.BowlineException if two names reach one tensor
    public AdamW(Map<String, Parameter> trainable, Settings settings) {
        this(trainable, Map.of(), settings, KernelPolicy.FUSED_CPU);
    }

    private AdamW(Map<String, Parameter> trainable, Map<String, Long> first, Settings settings, KernelPolicy kernels) {
        this.settings = settings;
        this.first = Map.copyOf(first);
        this.kernels = kernels;
        states = new OptimizerState(trainable, settings);
    }

    @Override
    public Map<String, Tensor> state() {
        return states.tensors();
    }

    @Override
    public void restore(Map<String, Tensor> saved) {
        states.restore(saved);
    }

    @Override
    public void close() {
        states.close();
    }

    @Override
    public void step(double learningRate) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Map<Double, List<ParameterState>> whole = new LinkedHashMap<>();
            for (ParameterState state : states.parameters()) {
                if (state.parameter().gradient().isEmpty()) {
                    continue;
                }
                if (isFloat32(state)) {
                    whole.computeIfAbsent(decay(state), _ -> new ArrayList<>()).add(state);
                } else {
                    stepInBlocks(state, learningRate);
                }
            }
            whole.forEach((decay, group) -> stepWhole(group, decay, learningRate));
        }
    }

    /// True if parameter and moments are float32, so that no conversion is needed.
    private boolean isFloat32(ParameterState state) {
        return state.master().isEmpty() && settings.stored(state.parameter().shape()) == StateDtype.FLOAT32;
    }

    private double decay(ParameterState state) {
        return settings.decayed().of(settings.weightDecay(), state.parameter().shape());
    }

    private void stepWhole(List<ParameterState> group, double decay, double learningRate) {
        TensorVector values = new TensorVector();
        TensorVector gradients = new TensorVector();
        TensorVector first = new TensorVector();
        TensorVector second = new TensorVector();
        TensorVector steps = new TensorVector();
        for (ParameterState state : group) {
            values.push_back(state.weights());
            gradients.push_back(state.parameter().gradient().orElseThrow());
            first.push_back(state.get(FIRST));
            second.push_back(state.get(SECOND));
            steps.push_back(state.countStep());
        }
        update(new Ops.AdamWTensors(values, gradients, first, second, steps), decay, learningRate);
    }

    /// Updates one block of elements at a time: gradient and moments exist in float32 for one block only, and the
    /// block is still in the cache of the processor in the next pass over it.
    private void stepInBlocks(ParameterState state, double learningRate) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor gradient = state.parameter().gradient().orElseThrow().reshape(-1);
            Tensor weights = state.weights().view(-1);
            Optional<Tensor> rounded =
                    state.master().map(_ -> state.parameter().value().detach().view(-1));
            Moment first = moment(state, FIRST, DynamicMap.SIGNED);
            Moment second = moment(state, SECOND, DynamicMap.UNSIGNED);
            Tensor step = state.countStep();
            long number = Math.round(step.item_double());
            for (long from = 0; from < gradient.numel(); from += BLOCK_ELEMENTS) {
                try (TensorScope _ = TensorScope.open()) {
                    long size = Math.min(BLOCK_ELEMENTS, gradient.numel() - from);
                    Tensor block = weights.narrow(0, from, size);
                    Tensor firstBlock = first.read(from, size);
                    Tensor secondBlock = second.read(from, size);
                    update(
                            new Ops.AdamWTensors(
                                    new TensorVector(block),
                                    new TensorVector(Ops.cast(gradient.narrow(0, from, size), Dtype.FLOAT32)),
                                    new TensorVector(firstBlock),
                                    new TensorVector(secondBlock),
                                    new TensorVector(step)),
                            decay(state),
                            learningRate);
                    first.write(firstBlock, from, number);
                    second.write(secondBlock, from, number);
                    if (rounded.isPresent()) {
                        rounded.get().narrow(0, from, size).copy_(block);
                    }
                }
            }
        }
    }

    private Moment moment(ParameterState state, String name, DynamicMap map) {
        Tensor flat = state.get(name).view(-1);
        return switch (settings.stored(state.parameter().shape())) {
            case FLOAT32 -> new Float32Moment(flat);
            case BFLOAT16 ->
                new Bfloat16Moment(
                        flat,
                        switch (map) {
                            case SIGNED -> Bfloat16Moment.Rounding.NEAREST;
                            case UNSIGNED -> Bfloat16Moment.Rounding.DITHERED;
                        },
                        first.getOrDefault(state.name(), 0L));
            case INT8 -> new Int8Moment(flat, state.get(name + ABSMAX), map, kernels);
        };
    }

    private void update(Ops.AdamWTensors tensors, double decay, double learningRate) {
        Ops.AdamWRates rates =
                new Ops.AdamWRates(learningRate, settings.beta1(), settings.beta2(), decay, settings.epsilon());
        switch (kernels) {
            case FUSED_CPU -> Ops.fusedAdamW(tensors, rates);
            case LIBTORCH -> {
                for (long i = 0; i < tensors.values().size(); i++) {
                    update(tensors, i, rates);
                }
            }
        }
    }

    /// m = β₁ m + (1 - β₁) g, v = β₂ v + (1 - β₂) g², w = w - η λ w - η m̂ / (√v̂ + ε).
    private static void update(Ops.AdamWTensors tensors, long i, Ops.AdamWRates rates) {
        Tensor w = tensors.values().get(i);
        Tensor g = tensors.gradients().get(i);
        Tensor m = tensors.first().get(i);
        Tensor v = tensors.second().get(i);
        double steps = tensors.steps().get(i).item_double();
        double firstCorrection = 1 - Math.pow(rates.beta1(), steps);
        double secondCorrection = 1 - Math.pow(rates.beta2(), steps);
        w.mul_(new Scalar(1 - rates.learningRate() * rates.weightDecay()));
        m.lerp_(g, new Scalar(1 - rates.beta1()));
        v.mul_(new Scalar(rates.beta2())).addcmul_(g, g, new Scalar(1 - rates.beta2()));
        Tensor denominator =
                v.sqrt().div_(new Scalar(Math.sqrt(secondCorrection))).add_(new Scalar(rates.epsilon()));
        w.addcdiv_(m, denominator, new Scalar(-rates.learningRate() / firstCorrection));
    }
}
