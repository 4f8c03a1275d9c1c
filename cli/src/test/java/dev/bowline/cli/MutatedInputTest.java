package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whatever is in the files that a command reads, it ends with an answer or with a message and exit code 1 to 4.
///
/// `-Dbowline.mutation.rounds=N -Dbowline.mutation.seed=S` looks at others.
class MutatedInputTest {

    private static final Path DEMO = Path.of("src", "main", "resources", "demo");
    private static final int ROUNDS = Integer.getInteger("bowline.mutation.rounds", 60);
    private static final long SEED = Long.getLong("bowline.mutation.seed", 20261130);

    /// Every file whose parser is ours or decides what a library of others gets.
    private static final List<String> FILES = List.of(
            "model/config.json",
            "model/generation_config.json",
            "model/tokenizer.json",
            "model/tokenizer_config.json",
            "model/chat_template.jinja",
            "model/model.safetensors.index.json",
            "model/model-00001-of-00001.safetensors",
            "recipe.yaml",
            "train.jsonl");

    /// A hang is not a message.
    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    @Test
    void everyParserEndsWithAnAnswerOrAMessage() throws IOException {
        copyDemo();
        Random random = new Random(SEED);
        int answered = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Path file = directory.resolve(FILES.get(random.nextInt(FILES.size())));
            byte[] original = Files.readAllBytes(file);
            byte[] mutated = mutated(original, random);
            Files.write(file, mutated);
            String name = "round %d of seed %d, %s".formatted(round, SEED, file.getFileName());

            for (String[] command : commands()) {
                Ran ran = assertTimeoutPreemptively(LIMIT, () -> Ran.bowline(command), () -> name);

                requireAnswerOrMessage(ran, command, name, mutated);
                answered += ran.exitCode() == ExitCode.SUCCESS ? 1 : 0;
            }
            Files.write(file, original);
        }

        assertTrue(answered > ROUNDS / 10, "only %d commands gave an answer".formatted(answered));
    }

    private List<String[]> commands() {
        String model = directory.resolve("model").toString();
        return List.of(
                new String[] {"explain", directory.resolve("recipe.yaml").toString()},
                new String[] {"data", directory.resolve("recipe.yaml").toString()},
                new String[] {"inspect", model},
                new String[] {"audit", model},
                new String[] {"generate", model, "--prompt", "hello", "--max-new-tokens", "1"});
    }

    private static void requireAnswerOrMessage(Ran ran, String[] command, String name, byte[] mutated) {
        String what = "%s, bowline %s: exit code %d%n%s%n%s"
                .formatted(name, command[0], ran.exitCode(), ran.err(), excerpt(mutated));
        int worst = switch (command[0]) {
            case "audit" -> 4;
            case "data" -> 2;
            default -> 1;
        };
        assertTrue(ran.exitCode() >= 0 && ran.exitCode() <= worst, what);
        assertFalse(ran.err().contains("\tat "), what);
        boolean hasFindings = worst > 1 && !ran.out().isEmpty();
        if (ran.exitCode() == 1 && !hasFindings) {
            assertTrue(ran.err().contains("error: ") && ran.err().contains("  fix: "), what);
        }
    }

    private static String excerpt(byte[] bytes) {
        return new String(bytes, 0, Math.min(bytes.length, 2000), StandardCharsets.UTF_8);
    }

    private void copyDemo() throws IOException {
        Path model = Files.createDirectory(directory.resolve("model"));
        try (Stream<Path> files = Files.list(DEMO.resolve("model"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        index(model);
        try (Stream<String> lines = Files.lines(DEMO.resolve("train.jsonl"))) {
            Files.write(directory.resolve("train.jsonl"), lines.limit(4).toList());
        }
        Files.writeString(directory.resolve("recipe.yaml"), """
                model:
                  pretrained_model_name_or_path: %s
                dataset:
                  path: %s
                  seq_length: 64
                step_scheduler:
                  global_batch_size: 4
                  max_steps: 1
                optimizer:
                  lr: 1e-3
                checkpoint:
                  checkpoint_dir: %s
                """.formatted(
                        model, directory.resolve("train.jsonl"), directory.resolve("run")));
    }

    /// Gives the weights an index, so that its reader is tried too.
    private static void index(Path model) throws IOException {
        Path shard = Files.move(model.resolve("model.safetensors"), model.resolve("model-00001-of-00001.safetensors"));
        JsonObject weights = JsonObject.of();
        try (SafetensorsFile tensors = SafetensorsFile.open(shard)) {
            for (String name : tensors.entries().keySet()) {
                weights = weights.with(name, shard.getFileName().toString());
            }
        }
        Files.writeString(
                model.resolve("model.safetensors.index.json"),
                Json.compact(JsonObject.of().with("metadata", JsonObject.of()).with("weight_map", weights)));
    }

    /// One to three changes of the kinds that damaged, foreign or hostile files have.
    private static byte[] mutated(byte[] original, Random random) {
        byte[] bytes = original;
        // Mostly one change: after several, a file is rarely more than a syntax error.
        for (int changes = random.nextInt(4) > 0 ? 1 : 3; changes > 0; changes--) {
            bytes = changed(bytes, random);
        }
        return bytes;
    }

    /// Values of another type or size: the file is still JSON or YAML, and its reader has to look at them.
    private static final List<String> VALUES = List.of(
            " null",
            " true",
            " -1",
            " 0",
            " 1e999",
            " 0.5",
            " 9223372036854775808",
            " 2147483647",
            " 1000000000",
            " \"\"",
            " \"x\"",
            " []",
            " {}",
            " [null]",
            " [[1]]",
            " {\"a\": 1}",
            " \"\\ud800\"");

    private static final List<String> INSERTS = List.of(
            "null",
            "true",
            "-1",
            "0",
            "1e999",
            "-0.0",
            "NaN",
            "9223372036854775808",
            "2147483647",
            "1000000000",
            "\"\"",
            "\"x\"",
            "[]",
            "{}",
            "[null]",
            "\"\\ud800\"",
            "\"\\u0000\"",
            "\u0000",
            "\uFEFF",
            "\u202E",
            "\u001B[31m",
            "{{ ",
            "{% for x in messages %}",
            "{% endfor %}",
            "(a+)+$",
            "&a [*a]",
            "!!java/object:x",
            "---",
            "\t",
            "\r\n",
            "[".repeat(5000),
            "{\"a\":".repeat(3000),
            "x".repeat(100_000));

    private static byte[] changed(byte[] bytes, Random random) {
        if (bytes.length == 0) {
            return INSERTS.get(random.nextInt(INSERTS.size())).getBytes(StandardCharsets.UTF_8);
        }
        int at = random.nextInt(bytes.length);
        int length = Math.min(bytes.length - at, 1 + random.nextInt(1 << random.nextInt(12)));
        return switch (random.nextInt(10)) {
            case 0 -> joined(bytes, at, new byte[] {(byte) random.nextInt(256)}, at + 1);
            case 1 -> joined(bytes, at, new byte[0], at + length);
            case 2 -> joined(bytes, at, Arrays.copyOfRange(bytes, at, at + length), at);
            case 3 -> Arrays.copyOf(bytes, at);
            case 4 -> joined(bytes, at, insert(random), at);
            default -> {
                List<int[]> values = values(bytes);
                int[] value = values.isEmpty() ? new int[] {at, at} : values.get(random.nextInt(values.size()));
                byte[] other = VALUES.get(random.nextInt(VALUES.size())).getBytes(StandardCharsets.UTF_8);
                yield joined(bytes, value[0], other, value[1]);
            }
        };
    }

    private static byte[] insert(Random random) {
        return INSERTS.get(random.nextInt(INSERTS.size())).getBytes(StandardCharsets.UTF_8);
    }

    /// What follows a colon, up to a comma, a brace or the end of the line: values of JSON and YAML, among them those
    /// of
    /// a header.
    private static List<int[]> values(byte[] bytes) {
        List<int[]> values = new ArrayList<>();
        int end = Math.min(bytes.length, 1 << 20);
        for (int at = 0; at < end; at++) {
            if (bytes[at] == ':') {
                int to = at + 1;
                while (to < end && ",}\n".indexOf(bytes[to]) < 0) {
                    to++;
                }
                values.add(new int[] {at + 1, to});
            }
        }
        return values;
    }

    private static byte[] joined(byte[] bytes, int from, byte[] middle, int to) {
        byte[] joined = new byte[from + middle.length + bytes.length - to];
        System.arraycopy(bytes, 0, joined, 0, from);
        System.arraycopy(middle, 0, joined, from, middle.length);
        System.arraycopy(bytes, to, joined, from + middle.length, bytes.length - to);
        return joined;
    }
}
