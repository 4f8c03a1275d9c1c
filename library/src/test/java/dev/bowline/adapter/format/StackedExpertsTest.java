package dev.bowline.adapter.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.WeightFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Every layout of experts is read to the same matrices, and a layout that the file leaves open is refused.
class StackedExpertsTest {

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
    void everyLayoutHasTheValuesOfPeft(String name, String source, ExpertLayout layout) {
        try (AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory(name));
                AdapterFiles original = AdapterFiles.open(AdapterFixtures.directory(source));
                WeightFiles weights = WeightFiles.open(AdapterFixtures.base(name));
                Arena arena = Arena.ofConfined()) {
            BaseExperts base = BaseExperts.of(weights);
            StackedExperts experts = StackedExperts.of(files, base);
            StackedExperts expected = StackedExperts.of(original, base);

            assertEquals(Optional.of(layout), experts.layout());
            assertEquals(Optional.of(ExpertLayout.PEFT), expected.layout());
            requireSame(expected.pairs(arena), experts.pairs(arena));
        }
    }

    private static void requireSame(List<ExpertPair> expected, List<ExpertPair> found) {
        assertEquals(expected.size(), found.size());
        for (int i = 0; i < expected.size(); i++) {
            assertEquals(expected.get(i).parameter(), found.get(i).parameter());
            assertEquals(expected.get(i).experts(), found.get(i).experts());
            requireClose(expected.get(i).a(), found.get(i).a());
            requireClose(expected.get(i).b(), found.get(i).b());
        }
    }

    private static void requireClose(MemorySegment expected, MemorySegment found) {
        assertEquals(expected.byteSize(), found.byteSize());
        for (long at = 0; at < expected.byteSize(); at += Float.BYTES) {
            assertEquals(
                    expected.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at),
                    found.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at),
                    ROUNDING);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gemma4_experts, PEFT",
        "gemma4_experts_peft018, PEFT_SWAPPED",
        "qwen3moe_experts, PEFT",
        "qwen3moe_experts_automodel, PEFT_SWAPPED"
    })
    void bothWeightsTogetherTellTheLayoutWithoutTheBase(String name, ExpertLayout layout) throws IOException {
        Path copy = copy(name, json -> json.without("peft_version"));

        try (AdapterFiles files = AdapterFiles.open(copy)) {
            assertEquals(
                    Optional.of(layout),
                    StackedExperts.of(files, BaseExperts.unknown()).layout());
        }
    }

    @Test
    void oneWeightAloneIsToldByTheVersionOrRefused() throws IOException {
        try (AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory("qwen3moe_gate_up"))) {
            assertEquals(
                    Optional.of(ExpertLayout.PEFT),
                    StackedExperts.of(files, BaseExperts.unknown()).layout());
        }
        Path copy = copy("qwen3moe_gate_up", json -> json.without("peft_version"));
        try (AdapterFiles files = AdapterFiles.open(copy)) {
            StackedExperts experts = StackedExperts.of(files, BaseExperts.unknown());

            BowlineException refusal = assertThrows(BowlineException.class, experts::layout);

            assertTrue(refusal.problem().contains("layout is not known"), refusal.problem());
        }
    }

    @Test
    void aSquareWeightIsToldByTheOther() throws IOException {
        Path copy = copy("qwen3moe_experts", json -> json.with("peft_version", "0.18.1"));
        try (AdapterFiles files = AdapterFiles.open(copy)) {
            BaseExperts square = _ -> Optional.of(List.of(4L, 32L, 32L));
            BaseExperts gateUp = parameter -> parameter.endsWith("gate_up_proj")
                    ? Optional.of(List.of(4L, 32L, 32L))
                    : Optional.of(List.of(4L, 32L, 16L));

            assertEquals(
                    Optional.of(ExpertLayout.PEFT),
                    StackedExperts.of(files, gateUp).layout());
            StackedExperts other = StackedExperts.of(files, square);
            assertThrows(BowlineException.class, other::layout);
        }
    }

    @Test
    void theScaleOfTheRouterIsNeededForAutoModelsGemma4() {
        try (AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory("gemma4_experts_automodel"));
                Arena arena = Arena.ofConfined()) {
            StackedExperts experts = StackedExperts.of(files, BaseExperts.unknown());

            BowlineException refusal = assertThrows(BowlineException.class, () -> experts.pairs(arena));

            assertTrue(refusal.problem().contains("per_expert_scale"), refusal.problem());
        }
    }

    private Path copy(String name, UnaryOperator<JsonObject> change) throws IOException {
        Path from = AdapterFixtures.directory(name);
        Path copy = Files.createDirectories(directory.resolve(name));
        Files.copy(from.resolve("adapter_model.safetensors"), copy.resolve("adapter_model.safetensors"));
        JsonValue json =
                change.apply(Json.parse(from.resolve("adapter_config.json")).asObject());
        Files.writeString(copy.resolve("adapter_config.json"), Json.pretty(json));
        return copy;
    }
}
