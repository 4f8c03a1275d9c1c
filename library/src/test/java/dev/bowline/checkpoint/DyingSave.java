package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.disk.DiskWatch;
import dev.bowline.fixtures.disk.WatchedFileSystem;
import dev.bowline.json.JsonObject;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.concurrent.locks.LockSupport;
import org.bytedeco.pytorch.Tensor;

/// A process of its own that saves, and ends or runs out of disk while it does.
final class DyingSave {

    static final String EMBEDDING = "model.language_model.embed_tokens.weight";

    /// What a dying save's training state holds.
    static final float MOMENT = 2;

    /// The exit code of a process that ended in the middle.
    static final int HALTED = 9;

    private DyingSave() {}

    /// @param arguments what to do, the model, the run's directory, and what that takes
    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[2]);
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Path.of(arguments[1]))) {
            switch (arguments[0]) {
                case "halt" -> haltAfter(pretrained, directory, Integer.parseInt(arguments[3]), arguments[4]);
                case "wait" -> waitInTheMiddle(pretrained, directory);
                case "forever" -> saveForever(pretrained, directory);
                case "fill" -> fill(pretrained, directory, Fill.valueOf(arguments[3]));
                default -> throw new IllegalArgumentException(arguments[0]);
            }
        }
    }

    /// Ends without a cleanup, as SIGKILL and a power cut do.
    private static void haltAfter(Pretrained pretrained, Path directory, int step, String changes) {
        int[] left = {Integer.parseInt(changes)};
        save(
                pretrained,
                WatchedFileSystem.watch(directory, _ -> {
                    if (left[0]-- == 0) {
                        Runtime.getRuntime().halt(HALTED);
                    }
                }),
                step,
                MOMENT);
    }

    /// Saves without a training state, and stops once some of the weights are written.
    private static void waitInTheMiddle(Pretrained pretrained, Path directory) {
        int[] left = {10};
        Path target = WatchedFileSystem.watch(directory, change -> {
            if (change.kind() == DiskWatch.Kind.WRITE && left[0]-- == 0) {
                System.out.println("waiting");
                while (true) {
                    LockSupport.park();
                }
            }
        });
        CheckpointSaver.save(pretrained.model(), target, SaveOptions.like(pretrained.checkpoint()));
    }

    private static void saveForever(Pretrained pretrained, Path directory) {
        System.out.println("saving");
        for (int step = 2; ; step++) {
            save(pretrained, directory, step);
        }
    }

    /// When something else takes what is left of the disk.
    enum Fill {
        AFTER_THE_WEIGHTS,
        NEVER
    }

    private static void fill(Pretrained pretrained, Path directory, Fill when) throws IOException {
        save(pretrained, directory, 1);
        Path filler = directory.resolveSibling("filler");
        try {
            save(
                    pretrained,
                    WatchedFileSystem.watch(directory, change -> {
                        if (when == Fill.AFTER_THE_WEIGHTS
                                && change.kind() == DiskWatch.Kind.CREATE_FILE
                                && change.path().endsWith("config.json")) {
                            takeTheRest(filler);
                        }
                    }),
                    2);
        } catch (BowlineException e) {
            System.out.println(e.getMessage());
        }
        Files.deleteIfExists(filler);
        try (var names = Files.list(directory)) {
            System.out.println(
                    names.map(path -> path.getFileName().toString()).sorted().toList());
        }
        TrainingCheckpoints run = TrainingCheckpoints.in(directory, 2);
        try (TrainingCheckpoint latest = TrainingCheckpoint.open(run.latest().orElseThrow())) {
            CheckpointLoader.load(latest.checkpoint(), pretrained.model());
            System.out.println("latest holds step " + latest.step());
        }
    }

    private static void takeTheRest(Path filler) {
        byte[] block = new byte[4096];
        try (var out = Files.newOutputStream(filler)) {
            while (true) {
                out.write(block);
            }
        } catch (IOException _) {
            // full, as wanted
        }
    }

    /// Keeps one checkpoint, so that every save but the first also removes one.
    static SaveReport save(Pretrained pretrained, Path directory, int step) {
        return save(pretrained, directory, step, step);
    }

    /// @param moment what the training state holds, to tell one save of a step from another
    static SaveReport save(Pretrained pretrained, Path directory, int step, float moment) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put(EMBEDDING + ".exp_avg", HostTensors.of(new float[] {moment, 2}, 2));
        return TrainingCheckpoints.in(directory, 1)
                .save(
                        step,
                        pretrained.model(),
                        SaveOptions.like(pretrained.checkpoint()),
                        new TrainingState(tensors, JsonObject.of().with("seed", 42)),
                        OptionalDouble.empty());
    }

    /// The command that runs this class in a JVM like this one.
    static List<String> command(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                "-Dorg.bytedeco.javacpp.maxbytes=0",
                "-cp",
                System.getProperty("java.class.path"),
                DyingSave.class.getName()));
        command.addAll(List.of(arguments));
        return command;
    }
}
