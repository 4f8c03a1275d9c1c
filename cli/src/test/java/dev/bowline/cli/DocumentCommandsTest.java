package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The shell commands of README.md and the guides succeed as they are written, in the order they are written.
///
/// Paths are relative to the repository, or to a directory that holds what a reader would have by then: checkpoints and
/// a
/// recipe. What a command writes goes there too.
class DocumentCommandsTest {

    private static final Path ROOT = Path.of("..");
    private static final Pattern BLOCK = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
    private static final Pattern UNFENCED = Pattern.compile("(?m)^ {4}(\\./\\w+|bowline) .*$");
    private static final Pattern WORD = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)");
    private static final Set<String> OUTPUTS = Set.of("--out", "--output", "--html", "--dir");

    /// Not run, and why.
    private static final Map<String, String> NOT_RUN = Map.of(
            "./bowline demo", "DemoTest runs it",
            "./bowline demo --dir bowline-demo", "the same",
            "./mvnw verify", "is what runs this test",
            "/usr/bin/time -v ./bowline finetune", "measures a process; what it runs is run above it",
            "BOWLINE_JAVA_OPTS=", "is for the launcher; FlightRecordingTest records",
            "jfr print", "is the JDK's");

    @TempDir
    private Path directory = Path.of("");

    @BeforeEach
    void whatAReaderHas() throws IOException {
        Path demo = Path.of("src", "main", "resources", "demo");
        copy(demo.resolve("model"), directory.resolve("models/gemma"));
        copy(Ran.fixture("flag_top_true_text_false"), directory.resolve("models/mine"));
        copy(Ran.fixture("flag_top_true_text_false"), directory.resolve("models/original"));
        copy(Ran.fixture("flag_top_true_text_false"), directory.resolve("merged"));
        Files.createDirectories(directory.resolve("lora"));
        Files.writeString(directory.resolve("lora/adapter_config.json"), "{\"target_modules\": [\"lm_head\"]}");
        String recipe = """
                model: {pretrained_model_name_or_path: models/gemma}
                dataset: {path: train.jsonl, seq_length: 64, limit_dataset_samples: 4}
                step_scheduler: {global_batch_size: 2, max_steps: 1}
                optimizer: {lr: 1e-3}
                checkpoint: {checkpoint_dir: run}
                """;
        Files.copy(demo.resolve("train.jsonl"), directory.resolve("train.jsonl"));
        Files.writeString(directory.resolve("recipe.yaml"), recipe);
        Files.writeString(directory.resolve("RECIPE.yaml"), recipe);
        Files.writeString(
                directory.resolve("lora.yaml"),
                recipe.replace(
                        "{checkpoint_dir: run}", "{checkpoint_dir: run}\npeft: {dim: 4, target_modules: [q_proj]}"));
        MemorySegment ids = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_LONG, 2, 5, 6, 7);
        SafetensorsWriter.write(
                directory.resolve("ids.safetensors"),
                List.of(new TensorSource("input_ids", SafetensorsType.I64, List.of(1L, 4L), ids)));
    }

    @Test
    void everyCommandThatADocumentShowsSucceeds() throws IOException {
        trainAnAdapter();
        List<String> run = new ArrayList<>();
        Set<String> skipped = new TreeSet<>();
        for (Path document : documents()) {
            for (String command : commands(Files.readString(document))) {
                Optional<String> excuse =
                        NOT_RUN.keySet().stream().filter(command::startsWith).max(Comparator.comparing(String::length));
                if (excuse.isPresent()) {
                    skipped.add(excuse.get());
                } else {
                    clearRuns();
                    String[] arguments = arguments(command);
                    Ran ran = Ran.bowline(arguments);
                    // An audit tells what it found by its exit code.
                    int worst = arguments[0].equals("audit") ? 3 : ExitCode.SUCCESS;
                    assertTrue(ran.exitCode() <= worst, () -> document + ": " + command + "\n" + ran.err());
                    run.add(command);
                }
            }
        }

        assertTrue(run.size() >= 18, run::toString);
        assertEquals(NOT_RUN.keySet(), skipped, "a command that is not run is in no document");
    }

    @Test
    void everyCommandStandsInAFencedBlock() throws IOException {
        List<String> unfenced = new ArrayList<>();
        for (Path document : documents()) {
            String prose = BLOCK.matcher(Files.readString(document)).replaceAll("");
            UNFENCED.matcher(prose)
                    .results()
                    .forEach(found ->
                            unfenced.add(document + ": " + found.group().strip()));
        }

        assertEquals(List.of(), unfenced);
    }

    /// The adapter of the guide, after fewer steps.
    private void trainAnAdapter() throws IOException {
        Path run = directory.resolve("lora-run").toAbsolutePath();
        Ran.bowline(
                        "finetune",
                        directory.resolve("lora.yaml").toString(),
                        "--set",
                        "checkpoint.checkpoint_dir=" + run,
                        "--set",
                        "lr_scheduler.lr_warmup_steps=0")
                .succeeded();
        Files.move(run.resolve("step_1"), run.resolve("step_150"));
    }

    private void clearRuns() throws IOException {
        for (String run : List.of("run", "runs")) {
            Path path = directory.resolve(run);
            if (Files.exists(path)) {
                try (Stream<Path> all = Files.walk(path)) {
                    for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                        Files.delete(each);
                    }
                }
            }
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
    }

    private static List<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> guides = Files.list(ROOT.resolve("docs").resolve("guides"))) {
            guides.filter(file -> file.toString().endsWith(".md")).sorted().forEach(documents::add);
        }
        return documents;
    }

    private static List<String> commands(String document) {
        List<String> commands = new ArrayList<>();
        Matcher block = BLOCK.matcher(document);
        while (block.find()) {
            String joined = block.group(1).replaceAll("\\\\\n\\s*", "");
            joined.lines()
                    .map(line -> line.replaceFirst("\\s+#.*", "").strip())
                    .filter(line -> !line.isEmpty())
                    .forEach(commands::add);
        }
        return commands;
    }

    private String[] arguments(String command) {
        List<String> words = new ArrayList<>();
        Matcher word = WORD.matcher(command);
        while (word.find()) {
            words.add(Stream.of(1, 2, 3)
                    .map(word::group)
                    .filter(Objects::nonNull)
                    .findFirst()
                    .orElseThrow());
        }
        String program = words.removeFirst();
        assertTrue(program.equals("./bowline") || program.equals("bowline"), command);
        List<String> placed = new ArrayList<>();
        for (int i = 0; i < words.size(); i++) {
            boolean isOutput = i > 0 && OUTPUTS.contains(words.get(i - 1));
            placed.add(isOutput ? directory.resolve(words.get(i)).toString() : placed(words.get(i)));
        }
        return placed.toArray(String[]::new);
    }

    private String placed(String argument) {
        if (argument.startsWith("checkpoint.checkpoint_dir=")) {
            return "checkpoint.checkpoint_dir=" + directory.resolve("runs").toAbsolutePath();
        }
        if (!argument.matches("[A-Za-z][\\w./-]*")) {
            return argument;
        }
        if (argument.contains("/") && Files.exists(ROOT.resolve(argument))) {
            return ROOT.resolve(argument).toString();
        }
        return Files.exists(directory.resolve(argument))
                ? directory.resolve(argument).toString()
                : argument;
    }
}
