package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.model.LanguageModel;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.RecipeBuilder;
import dev.bowline.recipe.RecipeFile;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The ranks of a recipe are known before a weight is read: the share of each in a step, and the bytes that each sends.
class RecipeRanksTest {

    private static final Path MODEL =
            Path.of("src/test/resources/fixtures/gemma4/dense_kv").toAbsolutePath();

    /// Eight experts of width 8 in five layers of width 32; ten tokens, each with two experts.
    private static final long EXPERT_LAYERS = 5;

    private static final long EXPERT_VALUES = 8 * 3 * 8 * 32;
    private static final long ROW_VALUES = 10 * 2 * 32;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"1|5", "2|4,1", "3|2,2,1", "4|2,2,1,0", "5|1,1,1,1,1"})
    void aRankHasAnAlignedBlockOfTheMicroBatchesOfAStep(int worldSize, String shares) {
        RecipeRanks ranks = RecipeRanks.of(recipe("{summation: fixed}"), worldSize, worldSize);

        assertEquals(
                List.of(shares.split(",")),
                ranks.microBatches().stream().map(String::valueOf).toList());
    }

    @Test
    void bothSummationsOfAFloat32ModelSendTwoGradientsLessTheOwnShare() {
        long values = trained();

        for (String summation : List.of("fixed", "fast")) {
            RecipeRanks ranks = RecipeRanks.of(recipe("{summation: %s}".formatted(summation)), 4, 2);

            assertEquals(2 * 3 * Math.ceilDiv(values, 4) * Float.BYTES, ranks.sent(), summation);
        }
        assertEquals(0, RecipeRanks.of(recipe("{}"), 1, 1).sent());
    }

    @Test
    void aFixedSummationKeepsASumForEachLevelOfABlock() {
        assertEquals(
                2 * trained() * Float.BYTES, RecipeRanks.of(recipe("{}"), 1, 1).sums());
        assertEquals(trained() * Float.BYTES, RecipeRanks.of(recipe("{}"), 3, 3).sums());
        assertEquals(0, RecipeRanks.of(recipe("{}"), 5, 5).sums());
        assertEquals(0, RecipeRanks.of(recipe("{summation: fast}"), 1, 1).sums());
    }

    /// AdamW has two moments of four bytes for each value.
    @Test
    void ranksWithDividedStatesDoNotHaveTheStatesOfTheOthers() {
        long states = 2 * trained() * Float.BYTES;

        assertEquals(
                states - states / 4,
                RecipeRanks.of(recipe("{strategy: zero1}"), 4, 4).divided());
        assertEquals(0, RecipeRanks.of(recipe("{strategy: zero1}"), 1, 1).divided());
        assertEquals(0, RecipeRanks.of(recipe("{strategy: ddp}"), 4, 4).divided());
    }

    /// Weights and two moments are divided. What lies outside of the layers, and a layer, are whole, and the gradients
    /// of the larger of both are in three places.
    @Test
    void ranksWithDividedWeightsHaveAPartOfEverything() {
        long weights = trained() * Float.BYTES;
        long outside = trained("^(?!.*layers\\.).*") * Float.BYTES;
        long layer = IntStream.range(0, 8)
                        .mapToLong(i -> trained(".*layers\\.%d\\..*".formatted(i)))
                        .max()
                        .orElseThrow()
                * Float.BYTES;

        for (int ranks : List.of(2, 4)) {
            long without = 4 * weights
                    - RecipeRanks.of(recipe("{strategy: fsdp}"), ranks, 1).divided();
            assertEquals(Math.ceilDiv(3 * weights, ranks) + outside + layer + 3 * Math.max(outside, layer), without);
        }
        assertEquals(
                List.of(3, 2), RecipeRanks.of(recipe("{strategy: fsdp}"), 2, 2).microBatches());
    }

    /// Experts are never whole on a rank, and their rows travel: out, back, and the same for the gradients. A rank has
    /// a
    /// gradient of the experts of one layer for the rows of each rank.
    @Test
    void ranksThatShareExpertsSendRows() {
        String fsdp = "{strategy: fsdp}";
        RecipeRanks whole = RecipeRanks.of(expertRecipe(fsdp), 2, 1);
        RecipeRanks shared = RecipeRanks.of(expertRecipe("{ep_size: 2}"), 2, 1);

        assertEquals(DistributedSection.Strategy.FSDP, shared.section().strategy());
        assertEquals(1, whole.epSize());
        assertEquals(2, shared.epSize());
        long experts = EXPERT_LAYERS * EXPERT_VALUES;
        long rows = ROW_VALUES * EXPERT_LAYERS * 4 / 2;
        int passes = 3;
        // A whole layer would be gathered twice, but for the last one, and its gradients sent once.
        long gathered = passes * (2 * experts - EXPERT_VALUES) + passes * experts;
        assertEquals(whole.sent() - Float.BYTES * gathered / 2 + Float.BYTES * passes * rows, shared.sent(), (double)
                Float.BYTES);
        long received = ROW_VALUES * EXPERT_LAYERS * Float.BYTES;
        assertEquals(whole.divided() + Float.BYTES * 3 * EXPERT_VALUES - received, shared.divided());
    }

    @Test
    void expertsThatTheRanksCannotShareAreRefused() {
        assertRefused(
                "2 ranks would share the experts of a layer, and the run has 3 ranks",
                () -> RecipeRanks.of(expertRecipe("{ep_size: 2}"), 3, 1));
        assertRefused("the run trains no experts", () -> RecipeRanks.of(recipe("{ep_size: 2}"), 2, 1));
        assertRefused(
                "distributed.strategy is zero1, which gives every rank all weights",
                () -> recipe("{ep_size: 2, strategy: zero1}"));
        assertEquals(1, RecipeRanks.of(expertRecipe("{ep_size: 8}"), 1, 1).epSize());
    }

    private static void assertRefused(String expected, Executable reading) {
        String message = assertThrows(BowlineException.class, reading).toString();
        assertTrue(message.contains(expected), message);
    }

    private RecipeFile expertRecipe(String distributed) {
        return RecipeFile.of(builder(MODEL.resolveSibling("moe_tied"), distributed)
                .set("dataset.seq_length", "10")
                .build());
    }

    @Test
    void aBfloat16ModelSendsHalfOfThatWithTheFastSummation() {
        RecipeFile file = RecipeFile.of(builder("{summation: fast}")
                .set("model.torch_dtype", "bfloat16")
                .build());

        assertEquals(
                2 * 3 * Math.ceilDiv(trained(), 4) * Short.BYTES,
                RecipeRanks.of(file, 4, 4).sent());
    }

    @Test
    void aRecipeWithoutTheSectionHasTheUsualOne() {
        RecipeFile file = RecipeFile.of(builder("{}").set("distributed", "{}").build());

        assertEquals(DistributedSection.usual(), RecipeRanks.of(file, 2, 2).section());
    }

    private long trained() {
        return trained(".*");
    }

    /// The trained values whose names match.
    private long trained(String names) {
        try (LanguageModel model = AutoModel.fromConfig(MODEL.resolve("config.json"))) {
            return model.trainable().entrySet().stream()
                    .filter(entry -> entry.getKey().matches(names))
                    .mapToLong(entry -> entry.getValue().elements())
                    .sum();
        }
    }

    private RecipeFile recipe(String distributed) {
        return RecipeFile.of(builder(distributed).build());
    }

    private RecipeBuilder builder(String distributed) {
        return builder(MODEL, distributed);
    }

    private RecipeBuilder builder(Path model, String distributed) {
        return RecipeBuilder.of(model, directory)
                .learningRate(1e-3)
                .globalBatchSize(5)
                .localBatchSize(1)
                .maxSteps(1)
                .set("distributed", distributed);
    }
}
