package dev.bowline.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// An audit and a repair load no class of libtorch's bindings, nor any of ours that needs them.
class NoLibtorchTest {

    /// What the other process runs.
    public static final class Program {

        public static void main(String[] arguments) {
            Path directory = Path.of(arguments[0]);
            Repair.apply(Repair.plan(directory, RepairOptions.LOSSLESS), directory.resolveSibling("repaired"));
        }
    }

    @TempDir
    private Path temporary;

    @Test
    void noClassOfTheBindingsIsLoaded() throws IOException, InterruptedException {
        Path checkpoint = CheckpointFixture.llama("true")
                .embedding(CheckpointFixture.E)
                .head(CheckpointFixture.E)
                .write(temporary.resolve("checkpoint"));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xlog:class+load:stdout",
                        "-Xmx64m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Program.class.getName(),
                        checkpoint.toString())
                .redirectErrorStream(true)
                .start();
        List<String> loaded = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList();

        assertEquals(
                0,
                process.waitFor(),
                () -> String.join("\n", loaded.subList(Math.max(0, loaded.size() - 20), loaded.size())));
        assertTrue(loaded.stream().anyMatch(line -> line.contains("dev.bowline.audit.repair.Repair")));
        assertEquals(
                List.of(),
                loaded.stream()
                        .filter(line -> line.contains("org.bytedeco")
                                || line.contains("dev.bowline.tensor")
                                || line.contains("dev.bowline.nn"))
                        .toList());
    }
}
