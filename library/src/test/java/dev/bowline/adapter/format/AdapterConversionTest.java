package dev.bowline.adapter.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterConversion.Converted;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorEntry;
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
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A conversion writes the tensors that PEFT 0.21 wrote for the same values, and settings with the same meaning.
class AdapterConversionTest {

    private static final double ROUNDING = 1e-6;

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({
        "gemma4_experts_peft018, gemma4_experts, PEFT_SWAPPED",
        "qwen3moe_experts_automodel, qwen3moe_experts, PEFT_SWAPPED",
        "gemma4_experts_automodel, gemma4_experts, AUTOMODEL_GROUPED",
        "qwen3moe_experts_split, qwen3moe_experts, SPLIT"
    })
    void everyLayoutBecomesPeftsOwn(String name, String same, ExpertLayout layout) {
        Path target = directory.resolve(name);

        Converted converted =
                AdapterConversion.convert(AdapterFixtures.directory(name), target, AdapterFixtures.base(name));

        assertEquals(Optional.of(layout), converted.layout());
        try (SafetensorsFile expected = open(AdapterFixtures.directory(same));
                SafetensorsFile found = open(target);
                AdapterFiles files = AdapterFiles.open(target);
                AdapterFiles original = AdapterFiles.open(AdapterFixtures.directory(same))) {
            assertEquals(converted.tensorsWritten(), found.entries().size());
            requireClose(expected, found);
            assertEquals("0.21.0", files.json().requireString("peft_version"));
            assertEquals(original.json().keys(), files.json().keys());
            assertEquals(converted.identity(), files.record().map(AdapterRecord::identity));
            for (String parameter :
                    StackedExperts.of(files, BaseExperts.unknown()).parameters()) {
                assertEquals(original.config().scale(parameter), files.config().scale(parameter));
                assertTrue(files.config().targetParameters().stream()
                        .anyMatch(pattern -> ModulePatterns.Named.matches(pattern, parameter)));
            }
        }
    }

    private static SafetensorsFile open(Path adapter) {
        return SafetensorsFile.open(adapter.resolve("adapter_model.safetensors"));
    }

    private static void requireClose(SafetensorsFile expected, SafetensorsFile found) {
        assertEquals(expected.entries().keySet(), found.entries().keySet());
        for (TensorEntry tensor : expected.entries().values()) {
            assertEquals(tensor.shape(), found.entry(tensor.name()).shape());
            MemorySegment one = expected.bytes(tensor.name());
            MemorySegment other = found.bytes(tensor.name());
            for (long at = 0; at < one.byteSize(); at += Float.BYTES) {
                assertEquals(
                        one.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at),
                        other.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at),
                        ROUNDING);
            }
        }
    }

    @Test
    void withTheBaseTheTargetsAreShort() {
        Path target = directory.resolve("short");

        AdapterConversion.convert(
                AdapterFixtures.directory("qwen3moe_experts_split"),
                target,
                AdapterFixtures.base("qwen3moe_experts_split"));

        JsonObject json = Json.parse(target.resolve("adapter_config.json")).asObject();
        assertEquals(
                List.of("k_proj", "o_proj", "q_proj", "v_proj"),
                json.requireArray("target_modules").strings());
    }

    @Test
    void gateAndUpWithAnAEachHaveTwiceTheRankAndTheSameDelta() throws IOException {
        Path source = Files.createDirectories(directory.resolve("source"));
        Path target = directory.resolve("target");
        Files.writeString(source.resolve("adapter_config.json"), """
                {"peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": ["gate_proj", "up_proj"]}
                """);
        RandomGenerator random = RandomGenerator.of("L64X128MixRandom");
        List<TensorSource> tensors = new ArrayList<>();
        for (int expert = 0; expert < 3; expert++) {
            for (String projection : List.of("gate_proj", "up_proj")) {
                String key = "base_model.model.model.layers.0.mlp.experts.%d.%s".formatted(expert, projection);
                tensors.add(floats(key + ".lora_A.weight", random, 2, 4));
                tensors.add(floats(key + ".lora_B.weight", random, 5, 2));
            }
        }
        SafetensorsWriter.write(source.resolve("adapter_model.safetensors"), tensors, Map.of("format", "pt"), Set.of());

        AdapterConversion.convert(source, target);

        try (AdapterFiles before = AdapterFiles.open(source);
                AdapterFiles after = AdapterFiles.open(target);
                Arena arena = Arena.ofConfined()) {
            String parameter = "model.layers.0.mlp.experts.gate_up_proj";
            assertEquals(4, after.config().rank(parameter));
            assertEquals(3.0, after.config().scale(parameter));
            ExpertPair pair =
                    StackedExperts.of(after, BaseExperts.unknown()).pairs(arena).getFirst();
            assertEquals(List.of(3L, 4L, 10L, 4L), List.of(pair.experts(), pair.in(), pair.out(), pair.rank()));
            for (int expert = 0; expert < 3; expert++) {
                for (int row = 0; row < 10; row++) {
                    for (int column = 0; column < 4; column++) {
                        String linear = "base_model.model.model.layers.0.mlp.experts.%d.%s"
                                .formatted(expert, row < 5 ? "gate_proj" : "up_proj");
                        MemorySegment a = before.bytes(linear + ".lora_A.weight");
                        MemorySegment b = before.bytes(linear + ".lora_B.weight");
                        assertEquals(
                                product(b, row % 5 * 2, a, column, 2, 4),
                                product(pair.b(), (expert * 10 + row) * 4, pair.a(), expert * 16 + column, 4, 4),
                                ROUNDING);
                    }
                }
            }
        }
    }

    private static TensorSource floats(String name, RandomGenerator random, long rows, long columns) {
        MemorySegment values = MemorySegment.ofArray(new byte[Math.toIntExact(rows * columns * Float.BYTES)]);
        for (int i = 0; i < rows * columns; i++) {
            values.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, random.nextFloat(-1, 1));
        }
        return new TensorSource(name, SafetensorsType.F32, List.of(rows, columns), values);
    }

    /// A row of B times a column of A.
    private static double product(MemorySegment b, long row, MemorySegment a, long column, int rank, int width) {
        double sum = 0;
        for (int k = 0; k < rank; k++) {
            sum += (double) b.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, row + k)
                    * a.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, column + (long) k * width);
        }
        return sum;
    }

    @Test
    void aBaseThatDoesNotFitIsNamedAndNothingIsWritten() {
        Path target = directory.resolve("other");

        BowlineException refusal = assertThrows(
                BowlineException.class,
                () -> AdapterConversion.convert(
                        AdapterFixtures.directory("qwen3moe_experts_split"),
                        target,
                        AdapterFixtures.base("qwen3moe_gate_up")));

        assertTrue(refusal.problem().contains("layers.0.mlp.experts"), refusal.problem());
        assertFalse(Files.exists(target));
    }

    /// A base of other shapes, and one without any of the weights, must not be recorded as the adapter's base.
    @ParameterizedTest
    @ValueSource(strings = {"phi3_fused", "gemma4_experts", "qwen3_dora_rslora"})
    void aBaseOfOtherShapesIsRefusedForLinears(String other) {
        Path target = directory.resolve("other");

        BowlineException refusal = assertThrows(
                BowlineException.class,
                () -> AdapterConversion.convert(
                        AdapterFixtures.directory("llama_linear"), target, AdapterFixtures.base(other)));

        assertTrue(refusal.problem().contains("the base "), refusal.problem());
        assertFalse(Files.exists(target));
    }

    @Test
    void anotherBaseThanTheRecordedIsRefusedWithTheTensorThatDiffers() {
        Path first = directory.resolve("first");
        AdapterConversion.convert(
                AdapterFixtures.directory("llama_linear"), first, AdapterFixtures.base("llama_linear"));

        BowlineException refusal = assertThrows(
                BowlineException.class,
                () -> AdapterConversion.convert(
                        first, directory.resolve("second"), AdapterFixtures.base("llama_untied_pair")));

        assertTrue(refusal.problem().contains("lm_head") || refusal.problem().contains("model."), refusal.problem());
        assertFalse(Files.exists(directory.resolve("second")));
    }
}
