package dev.bowline.bench;

import dev.bowline.json.JsonObject;
import dev.bowline.nn.AttentionMask;
import dev.bowline.nn.DotProductAttention;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.GatedExperts;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Placement;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Rope;
import dev.bowline.nn.RopeScaling;
import dev.bowline.nn.RotaryEmbedding;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.platform.NativeProcess;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Function;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/// Times the parts of a layer on their own, forward and backward, at the shapes of the benchmark model: 4 × 512 tokens,
/// hidden size 512, 32 experts top-4 of 192. One line of JSON each, in milliseconds (medians).
final class ComponentBench {

    private static final int ROWS = 4;
    private static final int LENGTH = 512;
    private static final int TOKENS = ROWS * LENGTH;
    private static final int WIDTH = 512;
    private static final int EXPERTS = 32;
    private static final int PER_TOKEN = 4;
    private static final int VOCABULARY = 32_768;
    private static final int INNER = 192;
    private static final int REPEATS = 15;

    private final Dtype dtype;
    private final List<JsonObject> lines = new ArrayList<>();

    private ComponentBench(Dtype dtype) {
        this.dtype = dtype;
    }

    /// @param args dtype (fp32 or bf16), then which parts; all when none is named
    public static void main(String[] args) {
        NativeProcess.tuneApplication();
        List<JsonObject> lines = NativeProcess.onMainArena(() -> {
            try (TensorScope _ = TensorScope.open()) {
                torch.manual_seed(1);
                ComponentBench bench = new ComponentBench(args[0].equals("bf16") ? Dtype.BFLOAT16 : Dtype.FLOAT32);
                bench.all(args.length > 1 ? args[1] : "");
                return bench.lines;
            }
        });
        lines.forEach(System.out::println);
        Runtime.getRuntime().halt(0);
    }

    private void all(String only) {
        Tensor x = random(ROWS, LENGTH, WIDTH);
        RmsNorm norm = filled(new RmsNorm("norm", WIDTH, 1e-6));
        time("norm", only, x, norm::forward);

        Linear square = filled(new Linear("square", WIDTH, WIDTH));
        time("linear 512 x 512", only, x, square::forward);

        Linear head = filled(new Linear("head", WIDTH, VOCABULARY));
        time("linear 512 x 32768", only, x, head::forward);

        Rope rotary = new Rope(1e4, 64, new RopeScaling.None());
        Sequences sequences = Sequences.causal(ROWS, LENGTH);
        Placement placement = new Placement(Dtype.of(x.scalar_type()), Device.CPU);
        RotaryEmbedding.Table table = sequences.rotate(rotary, placement);
        time("rotate 8 x 64", only, random(ROWS, LENGTH, 8, 64), h -> RotaryEmbedding.rotate(KernelPolicy.FUSED_CPU, h, table));

        attention("attention 8 x 64 window 256", only, 64, 4, sequences.mask(OptionalInt.of(256), placement));
        attention("attention 8 x 128 causal", only, 128, 2, sequences.mask(OptionalInt.empty(), placement));

        Linear gate = filled(new Linear("gate", WIDTH, 768));
        Linear up = filled(new Linear("up", WIDTH, 768));
        Linear down = filled(new Linear("down", 768, WIDTH));
        time(
                "feed-forward",
                only,
                x,
                h -> down.forward(Ops.geluTanh(gate.forward(h)).mul(up.forward(h))));

        GatedExperts experts = filled(new GatedExperts("experts", EXPERTS, WIDTH, INNER));
        Ops.Top top = Ops.top(random(TOKENS, EXPERTS), PER_TOKEN);
        Tensor weight = Ops.cast(top.values().detach(), Dtype.FLOAT32).set_requires_grad(true);
        Tensor index = top.indices();
        time("experts", only, random(TOKENS, WIDTH), h -> experts.forward(h, index, weight));
    }

    private void attention(String name, String only, int headDim, int groups, AttentionMask mask) {
        Tensor k = random(ROWS, LENGTH, groups, headDim).transpose(1, 2);
        Tensor v = random(ROWS, LENGTH, groups, headDim).transpose(1, 2);
        time(
                name,
                only,
                random(ROWS, LENGTH, 8, headDim),
                q -> DotProductAttention.attend(KernelPolicy.FUSED_CPU, q.transpose(1, 2), k, v, mask));
    }

    private Tensor random(long... shape) {
        return Ops.cast(torch.randn(shape, new TensorOptions(Dtype.FLOAT32.scalarType())), dtype)
                .set_requires_grad(true);
    }

    private <L extends Layer> L filled(L layer) {
        for (Parameter parameter : layer.parameters().values()) {
            Tensor value = torch.randn(parameter.shape(), new TensorOptions(Dtype.FLOAT32.scalarType()));
            parameter.materialize(Ops.cast(Ops.times(value, 0.05), dtype));
        }
        return layer;
    }

    private void time(String name, String only, Tensor x, Function<Tensor, Tensor> part) {
        if (!name.contains(only)) {
            return;
        }
        double[] forward = new double[REPEATS];
        double[] backward = new double[REPEATS];
        Tensor gradient = null;
        for (int i = -3; i < REPEATS; i++) {
            try (TensorScope scope = TensorScope.open()) {
                long start = System.nanoTime();
                Tensor y = part.apply(x);
                long middle = System.nanoTime();
                if (gradient == null) {
                    try (NoGradGuard _ = new NoGradGuard()) {
                        gradient = scope.escape(torch.randn_like(y));
                    }
                }
                long resumed = System.nanoTime();
                Ops.backward(y, gradient);
                long end = System.nanoTime();
                if (i >= 0) {
                    forward[i] = (middle - start) / 1e6;
                    backward[i] = (end - resumed) / 1e6;
                }
            }
        }
        lines.add(JsonObject.of()
                .with("part", name)
                .with("dtype", dtype.toString())
                .with("forward_ms", median(forward))
                .with("backward_ms", median(backward)));
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return Math.round(100 * values[values.length / 2]) / 100.0;
    }
}
