package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What makes an audit start soon: it loads what it uses and nothing else.
class StartupTest {

    private static final List<String> OF_OTHERS = List.of(
            "picocli",
            "org.bytedeco.javacpp.Loader",
            "org.bytedeco.pytorch.global.torch ",
            "ai.djl",
            "org.snakeyaml",
            "jdk.internal.foreign.abi.Downcall",
            "dev.bowline.train",
            "dev.bowline.generate",
            "dev.bowline.text",
            "dev.bowline.cli.Posix",
            "dev.bowline.cli.FinetuneCommand");

    @Test
    void anAuditLoadsNothingOfOtherCommands() throws IOException, InterruptedException {
        List<String> loaded = loadedBy("audit", Ran.fixture("e2b_like_bf16").toString(), "--json");

        assertTrue(loaded.stream().anyMatch(line -> line.contains("dev.bowline.audit.TieAudit ")));
        assertEquals(List.of(), of(OF_OTHERS, loaded));
    }

    /// The column for Bowline builds a model without values; for an architecture that Bowline has none of, nothing of
    /// one is loaded.
    @Test
    void anAuditOfAnotherArchitectureLoadsNothingOfAModel(@TempDir Path directory)
            throws IOException, InterruptedException {
        Path source = Ran.fixture("text_only");
        Files.copy(source.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        Files.writeString(
                directory.resolve("config.json"),
                "{\"architectures\": [\"OlmoForCausalLM\"], \"tie_word_embeddings\": true}");

        List<String> loaded = loadedBy("audit", directory.toString(), "--fail-on", "critical");

        assertEquals(List.of(), of(List.of("org.bytedeco", "dev.bowline.nn.Parameter", "dev.bowline.tensor"), loaded));
    }

    @Test
    void aPlainCommandLoadsTheParserButNoOtherCommand() throws IOException, InterruptedException {
        List<String> loaded = loadedBy("version", "--json");

        assertEquals(
                List.of(),
                of(
                        List.of(
                                "org.bytedeco",
                                "Downcall",
                                "cli.FinetuneCommand",
                                "cli.DemoCommand",
                                "cli.AuditCommand"),
                        loaded));
    }

    private static List<String> of(List<String> names, List<String> loaded) {
        return loaded.stream()
                .filter(line -> names.stream().anyMatch(line::contains))
                .toList();
    }

    /// The names of the classes, each with a space behind it.
    private static List<String> loadedBy(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xlog:class+load:stderr",
                "-cp",
                System.getProperty("java.class.path"),
                Bowline.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        List<String> lines = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList();
        assertEquals(
                0,
                process.waitFor(),
                () -> String.join("\n", lines.subList(Math.max(0, lines.size() - 9), lines.size())));
        return lines.stream()
                .filter(line -> line.contains("] "))
                .map(line -> line.substring(line.lastIndexOf("] ") + 2))
                .map(line -> line.substring(0, line.indexOf(" ") + 1))
                .toList();
    }
}
