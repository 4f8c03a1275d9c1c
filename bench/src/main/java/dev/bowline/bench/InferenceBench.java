package dev.bowline.bench;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.HostTensors;
import dev.bowline.platform.NativeProcess;
import dev.bowline.platform.ProcessMemory;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Times loading a checkpoint, a prompt of 32 ids, and single tokens after the prompt, with weights mapped or copied.
/// Prints one line of JSON per round, in milliseconds.
final class InferenceBench {

    private static final int PROMPT = 32;

    private InferenceBench() {}

    /// @param args directory, mapped or copied, rounds, tokens to decode in each
    public static void main(String[] args) {
        NativeProcess.tuneApplication();
        NativeProcess.onMainArena(() -> {
            // libtorch itself is loaded before the first round.
            try (TensorScope _ = TensorScope.open()) {
                HostTensors.of(new long[1], 1);
            }
            for (int round = 0; round < Integer.parseInt(args[2]); round++) {
                System.out.println(measured(Path.of(args[0]), args[1], Integer.parseInt(args[3])));
            }
            return 0;
        });
        Runtime.getRuntime().halt(0);
    }

    private static JsonObject measured(Path directory, String weights, int tokens) {
        AutoModel.Options options = switch (weights) {
            case "mapped" -> AutoModel.Options.forInference();
            case "copied" -> AutoModel.Options.asStored();
            default -> throw new IllegalArgumentException(weights + " is neither mapped nor copied");
        };
        long start = System.nanoTime();
        try (Pretrained pretrained = AutoModel.fromPretrained(directory, options);
                KeyValueCache cache = pretrained.model().newCache();
                NoGradGuard _ = new NoGradGuard()) {
            double load = milliseconds(start);
            LanguageModel model = pretrained.model();
            long[] prompt = LongStream.range(5, 5 + PROMPT).toArray();
            double prefill = forward(model, cache, prompt);
            double[] decode = new double[tokens];
            for (int i = 0; i < tokens; i++) {
                decode[i] = forward(model, cache, 100 + i);
            }
            Arrays.sort(decode);
            return JsonObject.of()
                    .with("model", String.valueOf(directory.getFileName()))
                    .with("weights", weights)
                    .with("load_ms", load)
                    .with("prefill_ms", prefill)
                    .with("decode_ms", tokens == 0 ? 0 : decode[tokens / 2])
                    .with("peak_rss_mib", ProcessMemory.peak().orElse(0) >> 20);
        }
    }

    private static double forward(LanguageModel model, KeyValueCache cache, long... ids) {
        long start = System.nanoTime();
        try (TensorScope _ = TensorScope.open()) {
            Tensor hidden = model.hiddenStates(
                    HostTensors.of(ids, 1, ids.length),
                    Sequences.continuing(1, ids.length, cache.length()),
                    Optional.of(cache));
            model.head().logits(hidden.narrow(1, ids.length - 1L, 1)).argmax();
        }
        return milliseconds(start);
    }

    private static double milliseconds(long start) {
        return Math.round((System.nanoTime() - start) / 1e5) / 10.0;
    }
}
