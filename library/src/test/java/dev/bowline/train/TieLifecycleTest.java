package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.checkpoint.SaveReport;
import dev.bowline.checkpoint.TrainingCheckpoint;
import dev.bowline.checkpoint.TrainingCheckpoints;
import dev.bowline.checkpoint.TrainingState;
import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.fixtures.Golden;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.Schedule;
import dev.bowline.safetensors.TensorHash;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.TieGroup;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A head stays what it was, one value with the embedding or a value of its own, from the load through training
/// steps, a save and a resume; optimizer, files and ledger say the same.
class TieLifecycleTest {

    private static final String HEAD = "lm_head.weight";

    @TempDir
    private Path run = Path.of("");

    @ParameterizedTest
    @CsvSource({
        "moe_tied,FLOAT32,true",
        "moe_tied,BFLOAT16,true",
        "dense_kv,FLOAT32,true",
        "dense_kv,BFLOAT16,true",
        "moe_untied,FLOAT32,false",
        "flag_top_false_text_true,BFLOAT16,false"
    })
    void aHeadIsTheSameKindOfHeadFromLoadToResume(String variant, Dtype dtype, boolean tied) {
        SaveReport saved = trainAndSave(variant, dtype, tied);

        String embedding = assertWritten(saved, tied);

        AutoModel.Options as = AutoModel.Options.asStored().in(dtype);
        try (TensorScope _ = TensorScope.open();
                Pretrained resumed = AutoModel.fromPretrained(saved.directory(), as);
                TrainingCheckpoint checkpoint = TrainingCheckpoint.open(saved.directory());
                FineTuning tuning = fineTuning(resumed.model())) {
            TieGroup group = resumed.report().ledger().groups().getFirst();
            assertEquals(saved.ledger().groups().getFirst().hashAtSave(), group.hashAtLoad());
            TrainingState state = checkpoint.state(resumed.model());
            assertEquals(tied, !state.tensors().containsKey(HEAD + ".exp_avg"));
            assertTrue(state.tensors().containsKey(embedding + ".exp_avg"));
            tuning.restore(state.state(), state.tensors());

            tuning.step();

            assertHead(resumed.model(), tied);
            assertEquals(3, tuning.stepsTaken());
        }
    }

    private SaveReport trainAndSave(String variant, Dtype dtype, boolean tied) {
        AutoModel.Options as = AutoModel.Options.asStored().in(dtype);
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", variant), as);
                FineTuning tuning = fineTuning(pretrained.model())) {
            assertHead(pretrained.model(), tied);

            tuning.step();
            tuning.step();

            assertHead(pretrained.model(), tied);
            assertEquals(tied, !tuning.optimizerState().containsKey(HEAD + ".exp_avg"));
            return TrainingCheckpoints.in(run, 2)
                    .save(
                            2,
                            pretrained.model(),
                            SaveOptions.like(pretrained.checkpoint()),
                            new TrainingState(new LinkedHashMap<>(tuning.optimizerState()), tuning.progress()),
                            OptionalDouble.empty());
        }
    }

    /// @return the canonical name
    private static String assertWritten(SaveReport saved, boolean tied) {
        TieGroup group = saved.ledger().groups().getFirst();
        Golden weights = Golden.read(saved.directory().resolve("model.safetensors"));
        assertEquals(tied ? List.of(HEAD) : List.of(), group.aliases());
        assertEquals(tied, group.flag().tied());
        assertEquals(tied, !weights.has(HEAD));
        assertEquals(Optional.of(hash(weights, group.canonical())), group.hashAtSave());
        assertNotEquals(group.hashAtLoad(), group.hashAtSave(), "training changed nothing");
        if (!tied) {
            assertNotEquals(hash(weights, HEAD), hash(weights, group.canonical()));
        }
        return group.canonical();
    }

    private static String hash(Golden weights, String name) {
        return TensorHash.of(MemorySegment.ofArray(weights.bytes(name)));
    }

    private static void assertHead(LanguageModel model, boolean tied) {
        assertEquals(tied, TiedWeights.hasLocalTiedLmHead(model));
        assertEquals(
                tied, Ops.same(model.lmHead().tensor(), model.inputEmbedding().tensor()));
        if (!tied) {
            assertFalse(model.lmHead().tensor().equal(model.inputEmbedding().tensor()));
        }
    }

    private static FineTuning fineTuning(LanguageModel model) {
        List<Example> examples = Stream.of(3, 5, 8, 9)
                .map(first -> new Example(
                        new int[] {first, first + 20, 40, first + 30, 60},
                        new boolean[] {false, false, true, true, true},
                        "data:" + first))
                .toList();
        FineTuningPlan plan = new FineTuningPlan(
                2,
                1,
                4,
                new AdamW.Settings(0.9, 0.95, 1e-8, 0.01, Decayed.MATRICES),
                new Schedule(Schedule.Decay.CONSTANT, 1e-2, 0, 0, 0, 4),
                OptionalDouble.of(1),
                new ChunkedCrossEntropy(16),
                0);
        return new FineTuning(
                model, new TrainingRows(PackedRow.unpacked(examples), TrainingRows.Order.SHUFFLED, 1), plan);
    }
}
