package dev.bowline.optim;

import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/// Adafactor (Shazeer and Stern 2018), like `torch.optim.Adafactor`: the second moment of a matrix is a column
/// times a row, so the state of a matrix is two vectors, and there is no first moment. The learning rate is
/// relative to the size of the weights.
///
/// The constants are PyTorch's: the second moment of step t decays with 1 - t^-0.8, and an update is scaled down
/// to a root mean square of 1. A bfloat16 parameter is updated through a float32 master copy.
///
/// Shapes: `[..., R, C]` a matrix or a stack of matrices.
final class Adafactor implements Optimizer {

    /// @param weightDecay decoupled, per step and unit of learning rate
    /// @param decayed the parameters that weight decay applies to
    record Settings(double weightDecay, Decayed decayed) implements OptimizerSettings {

        public Settings {
            if (!(weightDecay >= 0)) {
                throw new IllegalArgumentException("decay is " + weightDecay);
            }
        }

        @Override
        public OptimizerName name() {
            return OptimizerName.ADAFACTOR;
        }

        @Override
        public StateDtype stateDtype() {
            return StateDtype.FLOAT32;
        }

        @Override
        public List<StateTensor> moments(long... shape) {
            StateTensor step = StateTensor.of(StateTensor.STEP, Dtype.FLOAT32);
            if (shape.length < 2) {
                return List.of(step, StateTensor.of(VARIANCE, Dtype.FLOAT32, shape));
            }
            long[] rows = shape.clone();
            rows[shape.length - 1] = 1;
            long[] columns = shape.clone();
            columns[shape.length - 2] = 1;
            return List.of(
                    step, StateTensor.of(ROWS, Dtype.FLOAT32, rows), StateTensor.of(COLUMNS, Dtype.FLOAT32, columns));
        }

        @Override
        public Adafactor create(Map<String, Parameter> trainable, KernelPolicy kernels) {
            return new Adafactor(this, new OptimizerState(trainable, this));
        }
    }

    private static final String ROWS = "row_var";
    private static final String COLUMNS = "col_var";
    private static final String VARIANCE = "variance";

    private static final double BETA2_DECAY = -0.8;

    /// The distance from 1 to the next float32 number.
    private static final double EPSILON1 = 0x1p-23;

    private static final double EPSILON2 = 1e-3;

    private final Settings settings;
    private final OptimizerState states;

    private Adafactor(Settings settings, OptimizerState states) {
        this.settings = settings;
        this.states = states;
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
        try (NoGradGuard _ = new NoGradGuard()) {
            for (ParameterState state : states.parameters()) {
                try (TensorScope _ = TensorScope.open()) {
                    state.parameter().gradient().ifPresent(gradient -> step(state, gradient, learningRate));
                }
            }
        }
    }

    private void step(ParameterState state, Tensor gradient, double learningRate) {
        Tensor g = Ops.cast(gradient, Dtype.FLOAT32);
        Tensor w = state.weights();
        double t = state.countStep().item_double();
        Scalar rate = new Scalar(Math.pow(t, BETA2_DECAY));
        double relative = Math.max(EPSILON2, rootMeanSquare(w)) * Math.min(learningRate, 1 / Math.sqrt(t));
        double decay =
                settings.decayed().of(settings.weightDecay(), state.parameter().shape());
        w.mul_(new Scalar(1 - learningRate * decay));

        Tensor update = secondMoment(state, g, rate)
                .clamp_min_(new Scalar(EPSILON1 * EPSILON1))
                .rsqrt_()
                .mul_(g);
        w.add_(update, new Scalar(-relative / Math.max(1, rootMeanSquare(update))));
        if (state.master().isPresent()) {
            state.parameter().value().detach().copy_(w);
        }
    }

    /// Updates the stored moments.
    ///
    /// @return the second moment of every element, which the caller may change
    private static Tensor secondMoment(ParameterState state, Tensor g, Scalar rate) {
        if (g.dim() < 2) {
            return state.get(VARIANCE).lerp_(g.square(), rate).clone();
        }
        Tensor rows = state.get(ROWS).lerp_(meanSquare(g, -1), rate);
        Tensor columns = state.get(COLUMNS).lerp_(meanSquare(g, -2), rate);
        Tensor mean = rows.mean(new long[] {-2}, true, new ScalarTypeOptional());
        return rows.matmul(columns).div_(mean.clamp_min_(new Scalar(EPSILON1)));
    }

    /// Does not compute the square of the whole gradient in memory.
    private static Tensor meanSquare(Tensor g, long dimension) {
        return g.norm(new ScalarOptional(new Scalar(2.0)), new long[] {dimension}, true)
                .square_()
                .div_(new Scalar((double) g.size(dimension)));
    }

    private static double rootMeanSquare(Tensor x) {
        return Ops.norm(x).item_double() / Math.sqrt(x.numel());
    }
}
