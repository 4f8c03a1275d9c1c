package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
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
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a command prints with `--json` is one value with the keys that docs/json.md names, and nothing else.
class JsonOutputTest {

    private static final Path PAGE = Path.of("..", "docs", "json.md");
    private static final Path DEMO = Path.of("src", "main", "resources", "demo");
    private static final Pattern SECTION = Pattern.compile("\n## ([\\w ]+)\n(.*?)(?=\n## |\\z)", Pattern.DOTALL);
    private static final Pattern ROW = Pattern.compile("(?m)^\\| `([^`]+)` \\| (.*) \\|$");

    /// Described elsewhere, or too long to run here.
    private static final Set<String> NOT_HERE = Set.of("audit", "demo");

    @TempDir
    private Path directory = Path.of("");

    @Test
    void everyCommandWithTheOptionIsOnThePage() {
        Set<String> commands = new TreeSet<>();
        CommandTree.commandLine(Ran.silent()).getSubcommands().forEach((name, line) -> {
            if (line.getCommandSpec().findOption("--json") != null) {
                commands.add(name);
            }
            line.getSubcommands().forEach((member, below) -> {
                if (below.getCommandSpec().findOption("--json") != null) {
                    commands.add(name + " " + member);
                }
            });
        });

        assertEquals(commands, new TreeSet<>(page().keySet()));
    }

    @Test
    void version() {
        assertIsAsDescribed("version", ran("version"));
    }

    @Test
    void inspect() {
        String adapter = Path.of("..", "library", "src", "test", "resources", "fixtures", "adapters", "llama_linear")
                .toString();
        String base = Path.of("..", "library", "src", "test", "resources", "fixtures", "families", "llama", "tied")
                .toString();
        assertIsAsDescribed("inspect", ran("inspect", base, "--adapter", adapter));
        assertIsAsDescribed("inspect", ran("inspect", DEMO.resolve("model").toString()));
        assertIsAsDescribed("inspect", ran("inspect", Ran.fixture("with_towers").toString()));
    }

    @Test
    void adapterConvert() {
        Path adapters = Path.of("..", "library", "src", "test", "resources", "fixtures", "adapters");
        String adapter = adapters.resolve("gemma4_experts_peft018").toString();
        assertIsAsDescribed(
                "adapter convert",
                ran(
                        "adapter",
                        "convert",
                        adapter,
                        "--out",
                        directory.resolve("new").toString()));
        assertIsAsDescribed(
                "adapter convert",
                ran(
                        "adapter",
                        "convert",
                        adapters.resolve("llama_linear").toString(),
                        "--base",
                        adapters.resolveSibling("families")
                                .resolve("llama")
                                .resolve("tied")
                                .toString(),
                        "--out",
                        directory.resolve("dense").toString()));
    }

    @Test
    void adapterExport() {
        Path adapters = Path.of("..", "library", "src", "test", "resources", "fixtures", "adapters");
        assertIsAsDescribed(
                "adapter export",
                ran(
                        "adapter",
                        "export",
                        adapters.resolve("llama_linear").toString(),
                        "--for",
                        "vllm",
                        "--base",
                        adapters.resolveSibling("families")
                                .resolve("llama")
                                .resolve("tied")
                                .toString(),
                        "--out",
                        directory.resolve("served").toString()));
    }

    @Test
    void explain() {
        JsonObject answer =
                assertIsAsDescribed("explain", ran("explain", recipe(), "--set", "peft.dim=4", "--nproc", "2"));

        assertTrue(answer.requireObject("adapter").requireInt("trained") > 0);
        JsonObject withoutAdapter =
                Json.parse(ran("explain", recipe()), "the output").asObject();
        assertInstanceOf(JsonNull.class, withoutAdapter.get("adapter").orElseThrow());
    }

    @Test
    void data() throws IOException {
        Path twice = Files.writeString(directory.resolve("twice.jsonl"), """
                {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
                """.repeat(2));

        assertIsAsDescribed(
                "data",
                Ran.bowline("data", recipe(), "--json", "--set", "dataset.path=" + twice)
                        .out());
    }

    @Test
    void evaluate() {
        assertIsAsDescribed(
                "evaluate",
                ran(
                        "evaluate",
                        DEMO.resolve("model").toString(),
                        "--data",
                        DEMO.resolve("heldout.jsonl").toString(),
                        "--limit",
                        "1",
                        "--max-new-tokens",
                        "2"));
    }

    @Test
    void finetune() {
        JsonObject answer = assertIsAsDescribed(
                "finetune",
                ran(
                        "finetune",
                        recipe(),
                        "--set",
                        "checkpoint.checkpoint_dir=" + directory.resolve("run").toAbsolutePath()));

        assertEquals("finished", answer.requireString("outcome"));
        assertEquals(1, answer.requireInt("step"));
        assertTrue(Files.isDirectory(Path.of(answer.requireString("checkpoint"))));
        assertTrue(answer.requireArray("updates").objects().stream()
                .anyMatch(part -> part.requireBoolean("with_tied_head") && part.requireDouble("relative_update") > 0));
        assertFalse(answer.requireArray("experts").objects().isEmpty());
    }

    @Test
    void generate() {
        String model = DEMO.resolve("model").toString();
        assertIsAsDescribed("generate", ran("generate", model, "--prompt", "Hi", "--max-new-tokens", "3", "--stats"));

        String lines = Ran.bowlineReading("Hi\nAgain\n", "generate", model, "--chat", "--max-new-tokens", "3", "--json")
                .succeeded()
                .out();

        assertEquals(2, lines.lines().count(), lines);
        lines.lines().forEach(line -> assertIsAsDescribed("generate", line));
    }

    @Test
    void logits() {
        Path input = directory.resolve("ids.safetensors");
        MemorySegment ids = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_LONG, 2, 5, 6, 7);
        SafetensorsWriter.write(
                input, List.of(new TensorSource("input_ids", SafetensorsType.I64, List.of(1L, 4L), ids)));
        String[] line = {
            "logits",
            DEMO.resolve("model").toString(),
            "--input",
            input.toString(),
            "--output",
            directory.resolve("out.safetensors").toString(),
            "--grads"
        };

        JsonObject answer = assertIsAsDescribed("logits", ran(line));

        assertTrue(answer.requireDouble("loss") > 0);
        assertTrue(answer.requireInt("tensors") > 2);
    }

    @Test
    void merge() {
        Path fixtures = Path.of("..", "library", "src", "test", "resources", "fixtures");
        String out = directory.resolve("merged").toString();

        JsonObject answer = assertIsAsDescribed(
                "merge",
                ran(
                        "merge",
                        "--base",
                        fixtures.resolve("families/llama/tied").toString(),
                        "--adapter",
                        fixtures.resolve("adapters/llama_linear").toString(),
                        "--out",
                        out,
                        "--dtype",
                        "bfloat16"));

        assertEquals(out, answer.requireString("output"));
        assertEquals(42, answer.requireInt("adapter_tensors"));
        assertEquals("clean", answer.requireString("audit"));

        String adapter = fixtures.resolve("adapters/llama_linear").toString();
        String base = fixtures.resolve("families/llama/tied").toString();
        JsonObject verified = assertIsAsDescribed("verify", ran("verify", out, "--base", base, "--adapter", adapter));
        assertTrue(verified.requireBoolean("verified"), verified.toString());
        assertEquals(21, verified.requireObject("tensors").requireInt("changed"));
        assertIsAsDescribed("verify", ran("verify", adapter, "--base", base));
    }

    @Test
    void audit() {
        JsonObject answer = Json.parse(ran("audit", DEMO.resolve("model").toString()), "the output")
                .asObject();

        assertEquals(1, answer.requireInt("schema_version"));
        assertEquals(1, answer.requireArray("audits").objects().size());
    }

    @Test
    void repair() {
        String lying = Ran.fixture("flag_top_true_text_false").toString();
        String fixed = directory.resolve("fixed").toString();

        JsonObject planned = assertIsAsDescribed("repair", ran("repair", lying, "--out", fixed));
        assertFalse(planned.requireBoolean("applied") || Files.exists(Path.of(fixed)));
        JsonObject done = assertIsAsDescribed("repair", ran("repair", lying, "--out", fixed, "--apply"));
        assertTrue(done.requireBoolean("applied") && Files.exists(Path.of(fixed)));
        assertEquals(planned.requireArray("steps"), done.requireArray("steps"));
        assertEquals(fixed, done.requireObject("after").requireString("path"));
    }

    /// What `demo` prints beside what `finetune` does.
    @Test
    void theDemosOwnKeysAreOnThePage() {
        assertEquals(
                Set.of("questions", "accuracy_before", "accuracy_after", "ties_reloaded[]", "run"),
                described("demo").keySet());
    }

    private static String recipe() {
        return Path.of("..", "examples", "demo.yaml").toString();
    }

    /// Runs a command as short as it can be made.
    private static String ran(String... line) {
        List<String> words = new ArrayList<>(List.of(line));
        words.add("--json");
        if (line[0].equals("finetune")) {
            Stream.of(
                            "step_scheduler.max_steps=1",
                            "lr_scheduler.lr_warmup_steps=0",
                            "dataset.limit_dataset_samples=32",
                            "validation_dataset.limit_dataset_samples=2")
                    .forEach(set -> words.addAll(List.of("--set", set)));
        }
        return Ran.bowline(words.toArray(String[]::new)).succeeded().out();
    }

    private static JsonObject assertIsAsDescribed(String command, String out) {
        JsonObject answer = Json.parse(out, "the output of " + command).asObject();
        Map<String, String> described = described(command);
        Set<String> printed = new TreeSet<>();
        Set<String> empty = new TreeSet<>();
        walk("", answer, printed, empty);

        printed.forEach(path -> assertTrue(
                described.containsKey(path) || isDescribedElsewhere(path, described), command + " prints " + path));
        described.forEach((path, meaning) -> assertTrue(
                printed.stream().anyMatch(each -> each.equals(path) || each.startsWith(path + "."))
                        || meaning.startsWith("only with")
                        || empty.stream().anyMatch(path::startsWith),
                command + " does not print " + path));
        return answer;
    }

    /// Below what is said to have the keys of something else.
    private static boolean isDescribedElsewhere(String path, Map<String, String> described) {
        return described.entrySet().stream()
                .anyMatch(row -> row.getValue().contains("with the keys of") && path.startsWith(row.getKey() + "."));
    }

    private static void walk(String path, JsonValue value, Set<String> printed, Set<String> empty) {
        switch (value) {
            case JsonObject object ->
                object.fields()
                        .forEach((key, field) -> walk(path.isEmpty() ? key : path + "." + key, field, printed, empty));
            case JsonArray array -> {
                if (array.values().isEmpty()) {
                    empty.add(path + "[]");
                }
                array.values().forEach(each -> walk(path + "[]", each, printed, empty));
            }
            case JsonNull _ -> printed.add(path);
            default -> printed.add(path);
        }
    }

    private static Map<String, String> described(String command) {
        Map<String, String> rows = new TreeMap<>();
        Matcher row = ROW.matcher(page().getOrDefault(command, ""));
        while (row.find()) {
            rows.put(row.group(1), row.group(2));
        }
        assertFalse(rows.isEmpty() && !NOT_HERE.contains(command), command + " is not on the page");
        return rows;
    }

    private static Map<String, String> page() {
        Map<String, String> sections = new TreeMap<>();
        try {
            Matcher section = SECTION.matcher(Files.readString(PAGE));
            while (section.find()) {
                sections.put(section.group(1), section.group(2));
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return sections;
    }
}
