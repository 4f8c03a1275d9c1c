package dev.bowline.bench;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.json.JsonObject;
import dev.bowline.nn.Parameter;
import dev.bowline.platform.NativeProcess;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.KernelPool;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Times the matrix products with the frozen weights that a step of a LoRA adapter cannot avoid, and nothing else: for
/// each weight y = x Wᵀ and dx = dy W, once, on random values. The tied embedding counts as the head, in chunks of
/// the loss. The time is a lower bound of a step with these products.
final class BaseProductsBench {

    private static final long CHUNK = 512;

    private BaseProductsBench() {}

    /// @param args directory, dtype (fp32 or bf16), tokens, experts per token (0 without experts), rounds
    public static void main(String[] args) {
        NativeProcess.tuneApplication();
        System.out.println(NativeProcess.onMainArena(() -> measured(args)));
        Runtime.getRuntime().halt(0);
    }

    private static JsonObject measured(String... args) {
        Path directory = Path.of(args[0]);
        Dtype dtype = args[1].equals("bf16") ? Dtype.BFLOAT16 : Dtype.FLOAT32;
        long tokens = Long.parseLong(args[2]);
        long perToken = Long.parseLong(args[3]);
        double[] seconds = new double[Integer.parseInt(args[4])];
        AutoModel.Options options = AutoModel.Options.asStored()
                .in(dtype)
                .freezing(model -> model.parameters().values().forEach(Parameter::freeze));
        try (Pretrained pretrained = AutoModel.fromPretrained(directory, options);
                NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            List<Runnable> products = new ArrayList<>();
            long multiplications = 0;
            for (Parameter parameter :
                    pretrained.model().parameters().values().stream().distinct().toList()) {
                long[] shape = parameter.shape();
                if (shape.length == 2) {
                    multiplications += 2 * tokens * shape[0] * shape[1];
                    products.add(
                            shape[0] > 8 * shape[1]
                                    ? head(parameter.value(), tokens)
                                    : once(parameter.value(), tokens));
                } else if (shape.length == 3) {
                    multiplications += 2 * tokens * perToken * shape[1] * shape[2];
                    products.add(stack(parameter.value(), tokens * perToken / shape[0]));
                }
            }
            for (int i = -1; i < seconds.length; i++) {
                long begin = System.nanoTime();
                products.forEach(Runnable::run);
                if (i >= 0) {
                    seconds[i] = (System.nanoTime() - begin) / 1e9;
                }
            }
            return JsonObject.of()
                    .with("model", String.valueOf(directory.getFileName()))
                    .with("dtype", args[1])
                    .with("tokens", tokens)
                    .with("giga_operations", Math.round(2 * multiplications / 1e9))
                    .with("seconds", Arrays.toString(seconds))
                    .with("median_seconds", StepBatch.median(seconds));
        }
    }

    private static Runnable once(Tensor w, long rows) {
        Pair pair = Pair.of(w, rows);
        return () -> pair.run(w);
    }

    private static Runnable head(Tensor w, long rows) {
        Pair pair = Pair.of(w, Math.min(CHUNK, rows));
        return () -> {
            for (long from = 0; from < rows; from += CHUNK) {
                pair.run(w);
            }
        };
    }

    private static Runnable stack(Tensor w, long rows) {
        Tensor[] matrices = new Tensor[Math.toIntExact(w.size(0))];
        Arrays.setAll(matrices, e -> w.select(0, e));
        Pair[] pairs = new Pair[matrices.length];
        Arrays.setAll(pairs, e -> Pair.of(matrices[e], rows));
        return () -> KernelPool.run(matrices.length, e -> pairs[e].run(matrices[e]));
    }

    /// The operands and results of the two products of a weight.
    ///
    /// @param x [rows, in]
    /// @param y [rows, out]
    private record Pair(Tensor x, Tensor y) {

        static Pair of(Tensor w, long rows) {
            Dtype dtype = Dtype.of(w.scalar_type());
            return new Pair(
                    Ops.cast(torch.randn(rows, w.size(1)), dtype), Ops.cast(torch.randn(rows, w.size(0)), dtype));
        }

        void run(Tensor w) {
            try (TensorScope _ = TensorScope.open()) {
                MatMul.into(y, x, w.t());
                MatMul.into(x, y, w);
            }
        }
    }
}
