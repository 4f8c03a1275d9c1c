package dev.bowline.bench;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.json.JsonObject;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.Schedule;
import dev.bowline.tensor.Dtype;
import dev.bowline.platform.NativeProcess;
import dev.bowline.platform.ProcessMemory;
import dev.bowline.train.FineTuning;
import dev.bowline.train.FineTuningPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;

/// Times training steps of Bowline on a checkpoint and a batch that `transformers_step.py --save` wrote, and prints one
/// line of JSON with the fields of that script.
///
/// A step is what [FineTuning#step()] does: forward, chunked loss, backward, clipping to norm 1 and AdamW.
final class TrainingStepBench {

    private TrainingStepBench() {}

    /// @param args directory, dtype (fp32 or bf16), warm-up steps, timed steps, then optionally target tokens per chunk
    ///     of the loss, and `checkpointing` for activation checkpointing
    public static void main(String[] args) {
        NativeProcess.tuneApplication();
        System.out.println(NativeProcess.onMainArena(() -> measured(args)));
        Runtime.getRuntime().halt(0);
    }

    private static JsonObject measured(String... args) {
        Path directory = Path.of(args[0]);
        Dtype dtype = args[1].equals("bf16") ? Dtype.BFLOAT16 : Dtype.FLOAT32;
        int warmup = Integer.parseInt(args[2]);
        int steps = Integer.parseInt(args[3]);
        int chunk = args.length > 4 ? Integer.parseInt(args[4]) : ChunkedCrossEntropy.DEFAULT_CHUNK_TOKENS;
        List<PackedRow> rows = StepBatch.rows(directory.resolve("batch.safetensors"));
        try (Pretrained pretrained =
                AutoModel.fromPretrained(directory, AutoModel.Options.asStored().in(dtype))) {
            ActivationCheckpointing checkpointing = List.of(args).contains("checkpointing")
                    ? ActivationCheckpointing.PER_LAYER
                    : ActivationCheckpointing.OFF;
            pretrained.model().useActivationCheckpointing(checkpointing);
            FineTuningPlan plan = new FineTuningPlan(
                    rows.size(),
                    rows.size(),
                    warmup + steps,
                    new AdamW.Settings(0.9, 0.95, 1e-8, 0.01, Decayed.MATRICES),
                    Schedule.constant(1e-4),
                    OptionalDouble.of(1),
                    new ChunkedCrossEntropy(chunk),
                    0);
            TrainingRows order = new TrainingRows(rows, TrainingRows.Order.AS_READ, 0);
            double[] seconds = new double[steps];
            List<Double> losses = new ArrayList<>();
            try (FineTuning tuning = new FineTuning(pretrained.model(), order, plan)) {
                for (int i = 0; i < warmup + steps; i++) {
                    long start = System.nanoTime();
                    losses.add(tuning.step().loss());
                    if (i >= warmup) {
                        seconds[i - warmup] = (System.nanoTime() - start) / 1e9;
                    }
                }
            }
            long tokens = rows.stream().mapToLong(PackedRow::length).sum();
            return JsonObject.of()
                    .with("program", "bowline")
                    .with("model", String.valueOf(directory.getFileName()))
                    .with("dtype", args[1])
                    .with("chunk", chunk)
                    .with("activation_checkpointing", checkpointing == ActivationCheckpointing.PER_LAYER)
                    .with("tokens_per_second", Math.round(10 * tokens / StepBatch.median(seconds)) / 10.0)
                    .with("step_seconds", Arrays.toString(seconds))
                    .with("losses", losses.toString())
                    .with("peak_rss_mib", ProcessMemory.peak().orElse(0) >> 20);
        }
    }
}
