package dev.bowline.bench;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.CheckpointSaver;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.json.JsonObject;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.platform.NativeProcess;
import dev.bowline.tensor.Ops;
import java.nio.file.Path;

/// Times one load of a checkpoint, all of it trainable and so read into memory of its own, and one save of it. Prints a
/// line of JSON: seconds of either, bytes of the tensors.
final class CheckpointBench {

    private CheckpointBench() {}

    /// @param args the checkpoint, a directory to save into that does not exist yet
    public static void main(String[] args) {
        NativeProcess.tuneApplication();
        Path directory = Path.of(args[0]);
        Path saved = Path.of(args[1]);
        // Classes and libraries are loaded, which is no part of loading a checkpoint.
        AutoModel.fromConfig(directory.resolve("config.json")).close();
        Ops.zeros(Device.CPU, Dtype.FLOAT32, 1).close();
        System.out.println(NativeProcess.onMainArena(() -> {
            long start = System.nanoTime();
            try (Pretrained pretrained = AutoModel.fromPretrained(directory)) {
                double load = seconds(start);
                start = System.nanoTime();
                CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
                return JsonObject.of()
                        .with("program", "bowline")
                        .with("bytes", pretrained.report().ownedBytes())
                        .with("load_seconds", load)
                        .with("save_seconds", seconds(start));
            }
        }));
        Runtime.getRuntime().halt(0);
    }

    private static double seconds(long start) {
        return Math.round((System.nanoTime() - start) / 1e6) / 1e3;
    }
}
