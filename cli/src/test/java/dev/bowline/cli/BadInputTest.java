package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a user gets for bad input to `finetune`: exit code 1, one message with the place and the fix, no stack trace,
/// and nothing written.
class BadInputTest {

    private static final Path DEMO = Path.of("src", "main", "resources", "demo");

    @TempDir
    private Path directory = Path.of("");

    @BeforeEach
    void aModelAndDataOfItsOwn() throws IOException {
        Path model = Files.createDirectory(directory.resolve("model"));
        try (Stream<Path> files = Files.list(DEMO.resolve("model"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        try (Stream<String> lines = Files.lines(DEMO.resolve("train.jsonl"))) {
            Files.write(directory.resolve("train.jsonl"), lines.limit(8).toList());
        }
        Files.writeString(directory.resolve("recipe.yaml"), """
                model:
                  pretrained_model_name_or_path: model
                dataset:
                  path: train.jsonl
                  seq_length: 64
                step_scheduler:
                  global_batch_size: 4
                  max_steps: 1
                optimizer:
                  lr: 1e-3
                checkpoint:
                  checkpoint_dir: run
                """);
    }

    @Test
    void theRecipeItselfRuns() {
        Ran ran = finetune();

        assertEquals(ExitCode.SUCCESS, ran.exitCode(), ran.err());
        assertTrue(ran.err().startsWith("memory: about "), ran.err());
        assertTrue(Files.exists(directory.resolve("run/step_1/model.safetensors")));
    }

    @Test
    void aTruncatedFileAndAPointerAreNoWeights() throws IOException {
        Path weights = weights();
        byte[] whole = Files.readAllBytes(weights);
        Files.write(weights, Arrays.copyOf(whole, whole.length / 2));
        assertRefused("is not a whole safetensors file");

        Files.writeString(weights, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
        assertRefused("a Git LFS pointer");
    }

    @Test
    void aHeaderThatOverlapsOrOverflowsIsRefused() throws IOException {
        header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}");
        assertRefused("model.safetensors");

        header("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,12]}}");
        assertRefused("model.safetensors");
    }

    @Test
    void aPickleIsNeverOpened() throws IOException {
        Files.delete(weights());
        Files.write(directory.resolve("model/pytorch_model.bin"), new byte[] {(byte) 0x80, 2});

        assertRefused("Bowline never opens those");
    }

    @Test
    void anIndexThatLeadsElsewhereIsRefused() throws IOException {
        Files.delete(weights());
        Files.writeString(
                directory.resolve("model/model.safetensors.index.json"),
                "{\"weight_map\": {\"a\": \"../other.safetensors\"}}");

        assertRefused("is not the name of a file in the index's directory");
    }

    @Test
    void aConfigWithImpossibleSizesIsRefused() throws IOException {
        config("\"num_attention_heads\": 4", "\"num_attention_heads\": 3");
        assertRefused("key/value heads, which does not divide 3 query heads");

        config("\"num_attention_heads\": 3", "\"num_attention_heads\": 4");
        config("\"hidden_size\": 128", "\"hidden_size\": -1");
        assertRefused("config.json: hidden_size is -1");

        config("\"hidden_size\": -1", "\"hidden_size\": 128");
        config("\"top_k_experts\": 2", "\"top_k_experts\": 99");
        assertRefused("config.json: top_k_experts is 99");
    }

    @Test
    void weightsOfAnotherShapeAreRefused() throws IOException {
        config("\"intermediate_size\": 256", "\"intermediate_size\": 250");

        assertRefused("cannot fill");
    }

    /// Not as too much memory, which they would take too: headers are enough to see what is wrong.
    @Test
    void sizesThatAreNotThoseOfTheWeightsAreRefusedBeforeTheirMemoryIsReckoned() throws IOException {
        config("\"intermediate_size\": 256", "\"intermediate_size\": 1000000000");

        String message = assertRefused("cannot fill");
        assertFalse(message.contains("memory"), message);
        Ran explained = Ran.bowline("explain", directory.resolve("recipe.yaml").toString());
        assertEquals(ExitCode.REFUSED, explained.exitCode());
        assertTrue(explained.err().contains("cannot fill"), explained.err());
    }

    @Test
    void anUnknownArchitectureListsOurs() throws IOException {
        config("Gemma4ForConditionalGeneration", "MambaForCausalLM");

        assertTrue(assertRefused("MambaForCausalLM").contains("Gemma4ForCausalLM"));
    }

    @Test
    void aTokenizerLargerThanTheVocabularyIsRefused() throws IOException {
        config("\"vocab_size\": 1024", "\"vocab_size\": 512");

        assertRefused("512");
    }

    @Test
    void aModelWithoutATokenizerIsRefused() throws IOException {
        Path model = directory.resolve("model");
        Files.delete(model.resolve("tokenizer.json"));
        assertTrue(assertRefused(model + " has no tokenizer.json").contains("put the model's tokenizer.json there"));
    }

    @Test
    void aBrokenLineAndAnExampleWithoutATargetAreNamedByTheirLine() throws IOException {
        Path data = directory.resolve("train.jsonl");
        List<String> lines = new ArrayList<>(Files.readAllLines(data));
        lines.set(2, "{\"messages\": [");
        Files.write(data, lines);
        assertRefused("train.jsonl:3");

        lines.set(2, "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}");
        Files.write(data, lines);
        assertRefused("train.jsonl:3: the example has no token to train on");

        lines.set(2, "{\"messages\": [{\"role\": \"robot\", \"content\": \"Hello\"}]}");
        Files.write(data, lines);
        assertRefused("train.jsonl:3: ");
    }

    @Test
    void halfOfACharacterIsWrongInputAndNotABug() throws IOException {
        Files.writeString(
                directory.resolve("train.jsonl"),
                "{\"messages\": [{\"role\": \"user\", \"content\": \"\\ud800\"},"
                        + " {\"role\": \"assistant\", \"content\": \"a\"}]}\n");
        assertRefused("train.jsonl:1:43 (messages[0].content): the text to tokenize has an unpaired surrogate");

        String half = String.valueOf((char) 0xD800);
        for (String form : List.of("--raw", "--json")) {
            Ran ran = Ran.bowline("generate", directory.resolve("model").toString(), "--prompt", half, form);
            assertEquals(ExitCode.REFUSED, ran.exitCode(), ran.err());
        }
    }

    @Test
    void moreMemoryThanThereIsIsRefusedWithWhatWouldSpareIt() {
        String message = assertRefused(
                "fine-tuning", "step_scheduler.local_batch_size=5000000", "step_scheduler.global_batch_size=5000000");

        assertTrue(message.contains("--set step_scheduler.local_batch_size="), message);
        assertTrue(message.contains("--ignore-memory-estimate"), message);
    }

    @Test
    void aDirectoryThatIsInUseIsLeftAsItIs() throws IOException {
        Files.writeString(Files.createDirectory(directory.resolve("run")).resolve("notes.txt"), "mine");

        Ran ran = finetune();

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("is not empty: it holds notes.txt"), ran.err());
        try (Stream<Path> left = Files.list(directory.resolve("run"))) {
            assertEquals(List.of(directory.resolve("run").resolve("notes.txt")), left.toList());
        }
    }

    @Test
    void aLossThatIsNoNumberIsOneMessageWithTheRowsAndTheCommandToGoOn() {
        Ran ran = finetune("optimizer.lr=1e38", "step_scheduler.max_steps=9");

        assertEquals(ExitCode.REFUSED, ran.exitCode(), ran.err());
        assertEquals("", ran.out());
        assertTrue(ran.err().contains("error: step 2: the loss is NaN"), ran.err());
        assertTrue(ran.err().contains("train.jsonl:"), ran.err());
        assertTrue(ran.err().contains("\n    bowline finetune " + directory.resolve("recipe.yaml")), ran.err());
        assertFalse(ran.err().contains("\tat "), ran.err());
    }

    /// @param signal as `kill` calls it: INT is what Ctrl-C sends
    /// @param exitCode 128 and the signal's number, as a shell has it
    @ParameterizedTest
    @CsvSource({"TERM, 143", "INT, 130"})
    void aSignalFinishesTheStepSavesAndIsTheExitCode(String signal, int exitCode) throws Exception {
        List<String> notIgnoring = List.of("env", "--default-signal=INT");
        // Whoever builds in the background of a shell ignores Ctrl-C, and so would every process it starts.
        assumeTrue(
                signal.equals("TERM") || succeeds(notIgnoring, "true"),
                "the signal INT takes an env with --default-signal, which GNU coreutils have since 8.31");
        List<String> java = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                "-Dorg.bytedeco.javacpp.maxbytes=0",
                "-cp",
                System.getProperty("java.class.path"),
                Bowline.class.getName(),
                "finetune",
                directory.resolve("recipe.yaml").toString(),
                "--set",
                "step_scheduler.max_steps=100000");
        List<String> command = new ArrayList<>(signal.equals("INT") ? notIgnoring : List.of());
        command.addAll(java);
        Process process = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        StringBuilder shown = new StringBuilder();
        try (var err = process.errorReader()) {
            for (String line = err.readLine(); line != null; line = err.readLine()) {
                shown.append(line).append('\n');
                if (line.startsWith("step ")) {
                    assertTrue(succeeds(List.of("kill", "-" + signal), Long.toString(process.pid())));
                }
            }
        } finally {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        }

        assertEquals(exitCode, process.exitValue(), shown.toString());
        assertTrue(shown.toString().contains("finishing this step, then saving"), shown.toString());
        assertFalse(shown.toString().contains("error:"), shown.toString());
        assertTrue(
                shown.toString().contains("bowline finetune " + directory.resolve("recipe.yaml"))
                        && shown.toString().contains("--set checkpoint.restore_from=LATEST"),
                shown.toString());
        String latest = Files.readString(directory.resolve("run/LATEST")).strip();
        assertTrue(Files.exists(directory.resolve("run").resolve(latest).resolve("model.safetensors")));
    }

    private static boolean succeeds(List<String> program, String argument) throws InterruptedException {
        List<String> command = new ArrayList<>(program);
        command.add(argument);
        try {
            return new ProcessBuilder(command).start().waitFor() == 0;
        } catch (IOException _) {
            return false; // no such program here
        }
    }

    private Ran finetune(String... sets) {
        List<String> line = new ArrayList<>(
                List.of("finetune", directory.resolve("recipe.yaml").toString()));
        for (String set : sets) {
            line.addAll(List.of("--set", set));
        }
        return Ran.bowline(line.toArray(String[]::new));
    }

    /// @return the message
    private String assertRefused(String reason, String... sets) {
        Ran ran = finetune(sets);
        assertEquals(ExitCode.REFUSED, ran.exitCode(), ran.err());
        assertTrue(ran.err().contains(reason), ran.err());
        assertTrue(ran.err().contains("\n  fix: "), ran.err());
        assertFalse(ran.err().contains("\tat "), ran.err());
        assertFalse(Files.exists(directory.resolve("run")), "something was written");
        return ran.err();
    }

    private Path weights() {
        return directory.resolve("model").resolve("model.safetensors");
    }

    private void header(String json) throws IOException {
        byte[] text = json.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + text.length + 12).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(text.length).put(text);
        Files.write(weights(), file.array());
    }

    private void config(String from, String to) throws IOException {
        Path config = directory.resolve("model").resolve("config.json");
        String text = Files.readString(config);
        assertTrue(text.contains(from), from);
        Files.writeString(config, text.replace(from, to));
    }
}
