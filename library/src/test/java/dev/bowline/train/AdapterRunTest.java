package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A recipe with a section peft trains an adapter on a frozen base: the base is neither copied nor saved, and a
/// stopped and resumed run writes the bytes of a straight one.
class AdapterRunTest {

    private static final String[] LORA = {
        "peft.dim=4", "peft.alpha=8", "peft.target_modules=all-linear", "optimizer.lr=1e-2"
    };

    private final Path directory;
    private final DemoRuns demo;

    AdapterRunTest(@TempDir Path directory) {
        this.directory = directory;
        demo = new DemoRuns(directory);
    }

    @Test
    void theBaseStaysInItsFileWithoutGradientMomentOrCopy() throws IOException {
        try (FineTuningRun run = demo.open("run", "bfloat16", lora("step_scheduler.max_steps=2"))) {
            assertTrue(run.loadReport().ownedBytes() < 64, "bytes of the base in private memory");
            assertTrue(run.loadReport().mappedBytes() > 6_000_000, "bytes of the base in the mapped file");

            RunReport report = run.run(RunListener.silent());
            report.updates().stream()
                    .filter(update -> update.trained() > 0)
                    .forEach(update -> assertTrue(
                            update.relative() > 0 && update.relative() < 1, "the delta has a size: " + update));

            Set<String> trained = run.tuning().model().trainable().keySet();
            assertTrue(trained.stream().allMatch(name -> name.contains(".lora_")), trained::toString);
            run.tuning().model().parameters().forEach((name, parameter) -> {
                if (!trained.contains(name)) {
                    assertTrue(parameter.gradient().isEmpty(), name);
                }
            });
            assertTrue(
                    run.tuning().optimizerState().keySet().stream().allMatch(name -> name.contains(".lora_")),
                    "optimizer state of the base");
            assertEquals(Set.of("0 kB"), privateBytesOfTheBase());
        }
        assertEquals(
                Set.of(
                        "adapter_config.json",
                        "adapter_model.safetensors",
                        "adapter_state.safetensors",
                        "bowline_ties.json",
                        "optimizer.safetensors",
                        "training_state.json"),
                files("run/step_2"));
    }

    /// The memory of this process that is a private copy of the mapped base, as Linux counts it.
    private static Set<String> privateBytesOfTheBase() throws IOException {
        Path smaps = Path.of("/proc/self/smaps");
        if (!Files.exists(smaps)) {
            return Set.of("0 kB");
        }
        Set<String> sizes = new TreeSet<>();
        boolean isBase = false;
        for (String line : Files.readAllLines(smaps)) {
            if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
                isBase = line.endsWith("demo/model/model.safetensors");
            } else if (isBase && line.startsWith("Private_Dirty:")) {
                sizes.add(line.substring("Private_Dirty:".length()).strip());
            }
        }
        return sizes;
    }

    @ParameterizedTest
    @CsvSource({
        "float32, all-linear, 0",
        "float32, '[q_proj, v_proj, down_proj]', 0.3",
        "bfloat16, '[q_proj, v_proj, down_proj]', 0.3",
    })
    void aResumedRunWritesTheBytesOfTheStraightOne(String dtype, String modules, String dropout) throws IOException {
        String[] usual = lora("peft.target_modules=" + modules, "peft.dropout=" + dropout);
        demo.run("straight", dtype, DemoRuns.with(usual, "step_scheduler.max_steps=4"));
        demo.run("resumed", dtype, DemoRuns.with(usual, "step_scheduler.max_steps=2"));

        demo.run(
                "resumed", dtype, DemoRuns.with(usual, "step_scheduler.max_steps=4", "checkpoint.restore_from=LATEST"));

        for (String file : List.of("adapter_model.safetensors", "adapter_config.json", "optimizer.safetensors")) {
            assertArrayEquals(
                    Files.readAllBytes(directory.resolve("straight/step_4").resolve(file)),
                    Files.readAllBytes(directory.resolve("resumed/step_4").resolve(file)),
                    file);
        }
        assertEquals(demo.losses("straight"), demo.losses("resumed"));
    }

    @Test
    void dropoutChangesTheSteps() throws IOException {
        String[] usual = lora("peft.target_modules=[q_proj, v_proj, down_proj]", "step_scheduler.max_steps=2");
        demo.run("plain", "float32", usual);

        demo.run("dropped", "float32", DemoRuns.with(usual, "peft.dropout=0.5"));

        assertNotEquals(demo.losses("plain"), demo.losses("dropped"));
    }

    @Test
    void rowsOfTokensAreReportedAsChanged() {
        RunReport report = demo.run(
                "rows",
                "float32",
                "optimizer.lr=1e-2",
                "peft.target_modules=[]",
                "peft.trainable_token_indices={embed_tokens: [5, 9, 300]}",
                "step_scheduler.max_steps=1");

        report.updates().stream()
                .filter(update -> update.trained() > 0)
                .forEach(update -> assertTrue(update.relative() > 0 && update.relative() < 1, update::toString));
    }

    @Test
    void anotherSectionPeftIsRefusedByItsKey() {
        demo.run("run", "float32", lora("step_scheduler.max_steps=1"));

        assertRefused(
                "has an adapter with peft.dim 4, the recipe says 8",
                "run",
                lora("checkpoint.restore_from=LATEST", "peft.dim=8"));
        assertRefused(
                "has an adapter with peft.target_modules \"all-linear\", the recipe says" + " [\"q_proj\"]",
                "run",
                lora("checkpoint.restore_from=LATEST", "peft.target_modules=[q_proj]"));
        assertRefused(
                "has an adapter that was trained with model.quantization none, the recipe says int8",
                "run",
                lora("checkpoint.restore_from=LATEST", "model.quantization=int8"));
        assertRefused("holds an adapter, and the recipe has no section peft", "run", "checkpoint.restore_from=LATEST");
    }

    @Test
    void aModelIsNotResumedAsAnAdapter() {
        demo.run("run", "float32", "step_scheduler.max_steps=1");

        assertRefused(
                "holds a model, and the recipe has a section peft", "run", lora("checkpoint.restore_from=LATEST"));
    }

    @Test
    void anotherBaseIsRefusedByTheTensorThatDiffers() throws IOException {
        Path base = copyOfTheModel();
        String model = "model.pretrained_model_name_or_path=" + base;
        demo.run("run", "float32", lora(model, "step_scheduler.max_steps=1"));
        changeLastByte(base.resolve("model.safetensors"));

        assertRefused("and the base differs from it: '", "run", lora(model, "checkpoint.restore_from=LATEST"));
    }

    private Path copyOfTheModel() throws IOException {
        Path from = DemoRuns.RECIPE.resolveSibling("../cli/src/main/resources/demo/model");
        Path to = Files.createDirectories(directory.resolve("base")).toAbsolutePath();
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
        return to;
    }

    private static void changeLastByte(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
    }

    private void assertRefused(String problem, String name, String... sets) {
        BowlineException refused = assertThrows(
                BowlineException.class, () -> demo.open(name, "float32", sets).close());
        assertTrue(refused.problem().contains(problem), refused.problem());
        assertFalse(refused.fix().isBlank());
    }

    private Set<String> files(String path) throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve(path))) {
            return files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        }
    }

    private static String[] lora(String... more) {
        return DemoRuns.with(LORA, more);
    }
}
