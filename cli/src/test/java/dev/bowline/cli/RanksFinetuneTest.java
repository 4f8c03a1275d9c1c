package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.platform.NativeProcess;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Two processes train what one process trains, and print one outcome.
@EnabledOnOs(value = OS.LINUX, disabledReason = "ranks are on Linux only")
class RanksFinetuneTest {

    @TempDir
    private Path directory;

    @Test
    void twoRanksSaveTheBytesOfOne() throws IOException {
        Path demo = Path.of("src", "main", "resources", "demo").toAbsolutePath();
        Path recipe = Files.writeString(
                directory.resolve("recipe.yaml"), """
                model: {pretrained_model_name_or_path: %s}
                dataset: {path: %s, seq_length: 64, limit_dataset_samples: 6}
                step_scheduler: {global_batch_size: 3, max_steps: 2}
                optimizer: {lr: 1e-3}
                checkpoint: {checkpoint_dir: run}
                distributed: {summation: fixed}
                """.formatted(demo.resolve("model"), demo.resolve("train.jsonl")));

        JsonObject one = run(recipe, "one");
        Ran ran = Ran.bowline(arguments(recipe, "two", "--nproc", "2"));

        assertEquals(one.get("loss"), ran.succeeded().json().get("loss"));
        for (String file : List.of("model.safetensors", "optimizer.safetensors")) {
            assertArrayEquals(
                    Files.readAllBytes(directory.resolve("one/step_2").resolve(file)),
                    Files.readAllBytes(directory.resolve("two/step_2").resolve(file)),
                    file);
        }
        assertEquals(
                2, Files.readAllLines(directory.resolve("two/training.jsonl")).size());
        String log = Files.readString(directory.resolve("two/logs/rank-1.log"));
        assertTrue(log.startsWith("rank 1, start 1, "), log);
        assertFalse(log.contains("[Gloo]"), log);
        assertTrue(ran.err().startsWith("starting ranks 0 to 1 of 2"), ran.err());
    }

    /// In a process with as many threads as each of two ranks has.
    private JsonObject run(Path recipe, String run) throws IOException {
        List<String> words = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Bowline.class.getName()));
        words.addAll(List.of(arguments(recipe, run)));
        ProcessBuilder builder =
                new ProcessBuilder(words).redirectError(directory.resolve("log").toFile());
        int threads = Math.max(1, NativeProcess.cores() / 2);
        builder.environment().putIfAbsent("OMP_NUM_THREADS", Integer.toString(threads));
        try (InputStream output = builder.start().getInputStream()) {
            return Json.parse(new String(output.readAllBytes(), StandardCharsets.UTF_8), run)
                    .asObject();
        }
    }

    private String[] arguments(Path recipe, String run, String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "finetune",
                recipe.toString(),
                "--json",
                "--set",
                "checkpoint.checkpoint_dir=" + directory.resolve(run)));
        arguments.addAll(List.of(more));
        return arguments.toArray(String[]::new);
    }
}
