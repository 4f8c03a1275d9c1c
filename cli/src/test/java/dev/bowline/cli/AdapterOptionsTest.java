package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// `--adapter` computes what PEFT computes, shows what the adapter changes, and refuses another base.
class AdapterOptionsTest {

    private static final Path FIXTURES = Path.of("..", "library", "src", "test", "resources", "fixtures");
    private static final Path DEMO = Path.of("src", "main", "resources", "demo", "model");

    @TempDir
    private Path directory = Path.of("");

    @ParameterizedTest
    @CsvSource({"llama_linear,families/llama/tied", "qwen3moe_experts,families/qwen3moe/normalised"})
    void logitsAreThoseOfPeft(String adapter, String base) {
        Path files = FIXTURES.resolve("adapters").resolve(adapter);
        Path output = directory.resolve("out.safetensors");

        logits(FIXTURES.resolve(base), input(files), output, "--adapter", files.toString());

        try (SafetensorsFile reference = SafetensorsFile.open(files.resolve("peft_reference.safetensors"));
                SafetensorsFile written = SafetensorsFile.open(output)) {
            assertNear(reference.bytes("logits"), written.bytes("logits"));
            assertFalse(isNear(reference.bytes("base.logits"), written.bytes("logits")), "the adapter has an effect");
        }
    }

    @Test
    void severalAdaptersComputeOneAfterTheOther() {
        Path base = FIXTURES.resolve("families/llama/tied");
        Path first = FIXTURES.resolve("adapters/llama_linear");
        Path second = FIXTURES.resolve("adapters/llama_rslora");
        Path output = directory.resolve("out.safetensors");

        logits(base, input(first), output, "--adapter", "a=" + first, "--adapter", "b=" + second, "--grads");

        try (SafetensorsFile written = SafetensorsFile.open(output);
                SafetensorsFile a = SafetensorsFile.open(first.resolve("peft_reference.safetensors"))) {
            assertNear(a.bytes("logits"), written.bytes("a.logits"));
            assertFalse(isNear(written.bytes("a.logits"), written.bytes("b.logits")));
            String gradient = "model.layers.0.mlp.down_proj.lora_B.weight";
            assertNear(a.bytes("grad.base_model.model." + gradient), written.bytes("a.grad." + gradient));
            assertTrue(
                    written.entries().keySet().stream().noneMatch(name -> name.contains("norm")),
                    "the base has gradients");
        }
    }

    /// The values of the fixture are large, so the difference of NF4 is large too.
    @ParameterizedTest
    @CsvSource({"int8, 1e-4, 0.05", "nf4, 0.05, 1"})
    void theBaseIsQuantisedUnderAnAdapter(String format, double least, double most) {
        Path adapter = FIXTURES.resolve("adapters/llama_linear");
        Path output = directory.resolve("out.safetensors");

        logits(
                FIXTURES.resolve("families/llama/tied"),
                input(adapter),
                output,
                "--quantization",
                format,
                "--adapter",
                adapter.toString());

        try (SafetensorsFile reference = SafetensorsFile.open(adapter.resolve("peft_reference.safetensors"));
                SafetensorsFile written = SafetensorsFile.open(output)) {
            double difference = difference(reference.bytes("logits"), written.bytes("logits"));
            assertTrue(difference > least && difference < most, () -> "relative difference " + difference);
        }
    }

    @Test
    void generateQuantisesTheModelThatItLoads() throws IOException {
        Path base = copyOf(FIXTURES.resolve("quantization/llama_nf4"));
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(DEMO.resolve(name), base.resolve(name));
        }

        Ran ran = Ran.bowline("generate", base.toString(), "--prompt", "hi", "--raw", "--quantization", "int8");

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("is stored in nf4 and cannot be quantised to int8"), ran.err());
    }

    @Test
    void twoAdaptersOfOneNameAreRefused() {
        Path adapter = FIXTURES.resolve("adapters/llama_linear");

        Ran ran = Ran.bowline(
                "inspect",
                FIXTURES.resolve("families/llama/tied").toString(),
                "--adapter",
                adapter.toString(),
                "--adapter",
                adapter.toString());

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("two adapters have the name 'llama_linear'"), ran.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "name="})
    void anAdapterWithoutADirectoryIsRefused(String given) {
        Ran ran = Ran.bowline("inspect", FIXTURES.resolve("families/llama/tied").toString(), "--adapter", given);

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("--adapter '%s' names no directory".formatted(given)), ran.err());
    }

    @Test
    void verifySaysNothingOfATokenizerIfADirectoryIsMissing() {
        Ran ran = Ran.bowline(
                "verify",
                directory.resolve("absent").toString(),
                "--base",
                directory.resolve("base").toString());

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertFalse(ran.err().contains("tokenizer.json"), ran.err());
    }

    /// The base of the adapter is a name on the Hub, not a local directory.
    @Test
    void anAdapterInPlaceOfAModelIsRefusedByItsNature() throws IOException {
        Path adapter = Files.createDirectories(directory.resolve("adapter"));
        for (String name : List.of("adapter_config.json", "adapter_model.safetensors")) {
            Files.copy(FIXTURES.resolve("adapters/llama_linear").resolve(name), adapter.resolve(name));
        }
        Path config = adapter.resolve("adapter_config.json");
        Files.writeString(
                config,
                Files.readString(config)
                        .replaceAll(
                                "\"base_model_name_or_path\": *[^,]*,",
                                "\"base_model_name_or_path\": \"nowhere/base\","));
        String expected = adapter + " is a PEFT adapter (LORA) of nowhere/base, and not a model by itself";

        Ran generate = Ran.bowline("generate", adapter.toString(), "--prompt", "hi");
        Ran inspect = Ran.bowline("inspect", adapter.toString());
        Ran audit = Ran.bowline("audit", adapter.toString(), "--json");

        assertEquals(ExitCode.REFUSED, generate.exitCode());
        assertTrue(generate.err().contains(expected), generate.err());
        assertEquals(ExitCode.REFUSED, inspect.exitCode());
        assertTrue(inspect.err().contains(expected), inspect.err());
        assertTrue((audit.out() + audit.err()).contains(expected), audit.out() + audit.err());
    }

    @Test
    void inspectShowsModulesRanksScaleAndThatNoBaseIsRecorded() {
        JsonObject adapter = Ran.bowline(
                        "inspect",
                        FIXTURES.resolve("families/llama/tied").toString(),
                        "--adapter",
                        FIXTURES.resolve("adapters/llama_linear").toString(),
                        "--json")
                .succeeded()
                .json()
                .requireArray("adapters")
                .objects()
                .getFirst();

        assertEquals("not_recorded", adapter.requireString("base_match"));
        assertEquals(5280, adapter.requireLong("trained"), "as PEFT counts");
        assertEquals(0, adapter.requireLong("zero_matrices"));
        assertEquals(4, adapter.requireArray("kinds").objects().getFirst().requireLong("rank"));
    }

    /// The whole path of a user: train, inspect, generate by the adapter's directory, and another base.
    @Test
    void anAdapterOfARunIsUsedInspectedAndRefusedOnAnotherBase() throws IOException {
        Path base = copyOf(DEMO);
        Path recipe = directory.resolve("recipe.yaml");
        Files.writeString(
                recipe, """
                model: {pretrained_model_name_or_path: base}
                dataset: {path: %s, seq_length: 64, limit_dataset_samples: 2}
                step_scheduler: {global_batch_size: 2, max_steps: 1}
                optimizer: {lr: 1e-2}
                peft: {dim: 2, target_modules: [q_proj]}
                checkpoint: {checkpoint_dir: run}
                """.formatted(DEMO.resolveSibling("train.jsonl").toAbsolutePath()));

        Ran run = Ran.bowline("finetune", recipe.toString()).succeeded();

        assertTrue(
                run.out()
                        .contains("--adapter " + directory.resolve("run/step_1").toAbsolutePath()),
                run.out());
        String adapter = directory.resolve("run/step_1").toString();
        JsonObject inspected =
                Ran.bowline("inspect", adapter, "--json").succeeded().json();
        JsonObject shown = inspected.requireArray("adapters").objects().getFirst();
        assertEquals("same", shown.requireString("base_match"));
        JsonObject answer = Ran.bowline("generate", adapter, "--prompt", "Hi", "--max-new-tokens", "2", "--json")
                .succeeded()
                .json();
        assertEquals("step_1", answer.requireString("adapter"));

        byte[] weights = Files.readAllBytes(base.resolve("model.safetensors"));
        weights[weights.length - 1] ^= 1;
        Files.write(base.resolve("model.safetensors"), weights);
        Ran refused = Ran.bowline("generate", base.toString(), "--adapter", adapter, "--prompt", "Hi");
        assertEquals(ExitCode.REFUSED, refused.exitCode());
        assertTrue(refused.err().contains("and the base differs from it: '"), refused.err());
        assertEquals(ExitCode.REFUSED, Ran.bowline("inspect", adapter).exitCode());
    }

    private void logits(Path base, Path input, Path output, String... more) {
        String[] usual = {"logits", base.toString(), "--input", input.toString(), "--output", output.toString()};
        String[] all = Stream.concat(Arrays.stream(usual), Arrays.stream(more)).toArray(String[]::new);
        Ran.bowline(all).succeeded();
    }

    private Path input(Path adapter) {
        Path input = directory.resolve("ids.safetensors");
        try (SafetensorsFile reference = SafetensorsFile.open(adapter.resolve("peft_reference.safetensors"))) {
            SafetensorsWriter.write(input, List.of(TensorSource.of(reference, "input_ids")));
        }
        return input;
    }

    private Path copyOf(Path model) throws IOException {
        Path to = Files.createDirectories(directory.resolve("base"));
        try (var files = Files.list(model)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
        return to;
    }

    private static void assertNear(MemorySegment expected, MemorySegment actual) {
        assertEquals(expected.byteSize(), actual.byteSize());
        assertTrue(isNear(expected, actual), "the values differ by more than 1e-4 of the largest");
    }

    private static boolean isNear(MemorySegment expected, MemorySegment actual) {
        return difference(expected, actual) <= 1e-4;
    }

    /// The largest difference, relative to the largest value.
    private static double difference(MemorySegment expected, MemorySegment actual) {
        double largest = 0;
        double difference = 0;
        for (long at = 0; at < expected.byteSize(); at += Float.BYTES) {
            float value = expected.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
            largest = Math.max(largest, Math.abs(value));
            difference = Math.max(difference, Math.abs(value - actual.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at)));
        }
        return difference / largest;
    }
}
