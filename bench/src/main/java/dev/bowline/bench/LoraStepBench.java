package dev.bowline.bench;

import dev.bowline.adapter.Adapter;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.json.JsonObject;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.Schedule;
import dev.bowline.platform.NativeProcess;
import dev.bowline.platform.ProcessMemory;
import dev.bowline.quantization.Quantization;
import dev.bowline.tensor.Dtype;
import dev.bowline.train.FineTuning;
import dev.bowline.train.FineTuningPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Times LoRA training steps of Bowline on a checkpoint and a batch that `lora_step.py --save` wrote, and prints one
/// line
/// of JSON with the fields of that script.
///
/// LoRA has rank 16 and alpha 32 on every linear but the head and the routers, and on stacked experts. A step is what
/// [FineTuning#step()] does: forward, chunked loss, backward, clipping to norm 1 and AdamW.
final class LoraStepBench {

    private static final LoraConfig LORA = LoraConfig.of(16, 32, new ModulePatterns.AllLinear());

    private LoraStepBench() {}

    /// @param args directory, dtype (fp32 or bf16), warm-up steps, timed steps, then optionally `checkpointing`, and
    ///     `nf4` or `int8` for a quantised base
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
        ActivationCheckpointing checkpointing = List.of(args).contains("checkpointing")
                ? ActivationCheckpointing.PER_LAYER
                : ActivationCheckpointing.OFF;
        List<PackedRow> rows = StepBatch.rows(directory.resolve("batch.safetensors"));
        AutoModel.Options options = AutoModel.Options.asStored()
                .in(dtype)
                .freezing(model -> model.parameters().values().forEach(Parameter::freeze));
        for (Quantization format : Quantization.values()) {
            if (List.of(args).contains(format.configName())) {
                options = options.quantizing(format);
            }
        }
        long start = System.nanoTime();
        try (Pretrained pretrained = AutoModel.fromPretrained(directory, options)) {
            double loadSeconds = (System.nanoTime() - start) / 1e9;
            Adapter adapter = Adapters.of(pretrained.model()).create("default", LORA, 0);
            pretrained.model().useActivationCheckpointing(checkpointing);
            FineTuningPlan plan = new FineTuningPlan(
                    rows.size(),
                    rows.size(),
                    warmup + steps,
                    new AdamW.Settings(0.9, 0.95, 1e-8, 0.01, Decayed.MATRICES),
                    Schedule.constant(1e-4),
                    OptionalDouble.of(1),
                    new ChunkedCrossEntropy(ChunkedCrossEntropy.DEFAULT_CHUNK_TOKENS),
                    0);
            double[] seconds = new double[steps];
            double[] processorSeconds = new double[steps];
            List<Double> losses = new ArrayList<>();
            TrainingRows order = new TrainingRows(rows, TrainingRows.Order.AS_READ, 0);
            try (FineTuning tuning = new FineTuning(pretrained.model(), order, plan)) {
                for (int i = 0; i < warmup + steps; i++) {
                    double processorBegin = processorSeconds();
                    long begin = System.nanoTime();
                    losses.add(tuning.step().loss());
                    if (i >= warmup) {
                        seconds[i - warmup] = (System.nanoTime() - begin) / 1e9;
                        processorSeconds[i - warmup] = processorSeconds() - processorBegin;
                    }
                }
            }
            long tokens = rows.stream().mapToLong(PackedRow::length).sum();
            return JsonObject.of()
                    .with("program", "bowline")
                    .with("model", String.valueOf(directory.getFileName()))
                    .with("dtype", args[1])
                    .with("owned_mib", pretrained.report().ownedBytes() >> 20)
                    .with("mapped_mib", pretrained.report().mappedBytes() >> 20)
                    .with("resident", resident())
                    .with(
                            "quantization",
                            String.join(
                                    ",",
                                    options.quantization().map(Quantization::configName).stream()
                                            .toList()))
                    .with("activation_checkpointing", checkpointing == ActivationCheckpointing.PER_LAYER)
                    .with(
                            "trained",
                            adapter.modules().stream()
                                    .mapToLong(module -> module.trainedValues())
                                    .sum())
                    .with("load_seconds", Math.round(10 * loadSeconds) / 10.0)
                    .with("tokens_per_second", Math.round(10 * tokens / StepBatch.median(seconds)) / 10.0)
                    .with("step_seconds", Arrays.toString(seconds))
                    .with("processor_seconds", Arrays.toString(processorSeconds))
                    .with("losses", losses.toString())
                    .with("peak_rss_mib", ProcessMemory.peak().orElse(0) >> 20);
        }
    }

    /// The processor time of all threads of this process so far.
    private static double processorSeconds() {
        return ProcessHandle.current()
                        .info()
                        .totalCpuDuration()
                        .orElse(Duration.ZERO)
                        .toMillis()
                / 1e3;
    }

    /// The resident memory of this process now, in private memory and in mapped files, as Linux counts it.
    private static String resident() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith("RssAnon") || line.startsWith("RssFile"))
                    .map(line -> line.replaceAll("\\s+", " "))
                    .collect(Collectors.joining(", "));
        } catch (IOException e) {
            return "unknown";
        }
    }
}
