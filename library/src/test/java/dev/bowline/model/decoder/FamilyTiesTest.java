package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.CheckpointSaver;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.BrokenTie;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.TieSupport;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// In every family a head that is declared tied is the active input embedding, and one that is not has values
/// of its own, through construction, swap, cast, training, saving and loading.
class FamilyTiesTest {

    @TempDir
    private Path temporary;

    static List<String> variants() {
        return FamilyFixtures.all();
    }

    @ParameterizedTest
    @MethodSource("variants")
    void theHeadIsTiedWhereTheReferenceTiesIt(String variant) {
        boolean tied = FamilyFixtures.facts(variant).requireBoolean("tied");
        try (LanguageModel model = FamilyFixtures.build(variant)) {
            assertEquals(tied, model.tieFlag().tied(), variant);
            assertEquals(tied, TiedWeights.hasLocalTiedLmHead(model), variant);
            assertEquals(!tied, model.parameters().containsKey(model.lmHead().path()), variant);
            long distinct = model.parameters().values().stream()
                    .mapToLong(Parameter::elements)
                    .sum();
            assertTrue(distinct <= FamilyFixtures.facts(variant).requireLong("parameters_distinct"), variant);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void bothFlagsGiveWhatThePolicySays(String variant) {
        JsonObject config = FamilyFixtures.config(variant);
        for (boolean tied : new boolean[] {true, false}) {
            JsonObject asked = config.with("tie_word_embeddings", tied);
            TieSupport support;
            try (LanguageModel model = FamilyFixtures.build(variant)) {
                support = model.tieSupport();
            }
            boolean allowed = support == TieSupport.BOTH || (support == TieSupport.TIED_ONLY) == tied;
            if (allowed) {
                try (LanguageModel model = AutoModel.fromConfig(asked)) {
                    assertEquals(tied, TiedWeights.hasLocalTiedLmHead(model), variant);
                }
            } else {
                BowlineException refused =
                        assertThrows(BowlineException.class, () -> AutoModel.fromConfig(asked), variant);
                assertTrue(refused.problem().contains(support.name()), refused.problem());
                assertTrue(refused.fix().contains("set tie_word_embeddings to " + !tied), refused.fix());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void aFlippedFlagIsRefusedAtLoadBeforeAnyByteIsCopied(String variant) {
        try (Checkpoint checkpoint = Checkpoint.open(FamilyFixtures.directory(variant));
                LanguageModel own = FamilyFixtures.build(variant)) {
            if (own.tieSupport() != TieSupport.BOTH) {
                return;
            }
            boolean flipped = !own.tieFlag().tied();
            try (LanguageModel model = AutoModel.fromConfig(checkpoint.config().with("tie_word_embeddings", flipped))) {
                assertThrows(BowlineException.class, () -> CheckpointLoader.load(checkpoint, model), variant);
                assertTrue(model.parameters().values().stream().noneMatch(Parameter::isMaterialized), variant);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void theTieIsThatOfTheActiveDecoderAfterASwap(String variant) {
        try (LanguageModel model = FamilyFixtures.build(variant)) {
            Parameter before = model.inputEmbedding().get();

            model.replaceLanguageModel(FamilyFixtures.build(variant));

            assertNotSame(before, model.inputEmbedding().get());
            assertNotSame(before, model.lmHead().get());
            assertEquals(
                    model.tieFlag().tied(),
                    model.inputEmbedding().get() == model.lmHead().get(),
                    variant);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void theTieSurvivesInitialisationInBfloat16AndALaterCast(String variant) {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = FamilyFixtures.build(variant)) {
            model.initializeWeights(Dtype.BFLOAT16, 7);
            assertPair(model, Dtype.BFLOAT16);
            long before = Ops.address(model.lmHead().tensor());

            model.cast(Dtype.FLOAT32);

            assertPair(model, Dtype.FLOAT32);
            assertEquals(before, Ops.address(model.lmHead().tensor()), "the cast replaced the tensor object");
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void tieWeightsRepairsADeliberateBreak(String variant) {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = FamilyFixtures.load(variant)) {
            LanguageModel model = pretrained.model();
            if (!model.tieFlag().tied()) {
                return;
            }
            BrokenTie.untie(
                    model.lmHead(), model.inputEmbedding().tensor().detach().clone());
            assertFalse(TiedWeights.hasLocalTiedLmHead(model));

            model.tieWeights();
            model.tieWeights();

            assertSame(model.inputEmbedding().get(), model.lmHead().get());
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void aSaveHasTheBytesThatWereReadAndLoadsToTheSameLogits(String variant) {
        Path saved = temporary.resolve("saved");
        double[] logits = new double[2];
        try (Pretrained pretrained = FamilyFixtures.load(variant)) {
            logits[0] = logits(pretrained.model());
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }
        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            logits[1] = logits(again.model());
            assertEquals(
                    FamilyFixtures.facts(variant).requireBoolean("tied"),
                    TiedWeights.hasLocalTiedLmHead(again.model()),
                    variant);
        }
        Golden read = Golden.read(FamilyFixtures.directory(variant).resolve("model.safetensors"));
        Golden written = Golden.read(saved.resolve("model.safetensors"));
        assertEquals(read.names(), written.names(), variant);
        for (String name : read.names()) {
            assertArrayEquals(read.bytes(name), written.bytes(name), name);
        }
        assertEquals(logits[0], logits[1], 0, variant);
    }

    @ParameterizedTest
    @MethodSource("variants")
    void aFreshModelIsSavedSoThatItsOwnFamilyLoadsIt(String variant) {
        Path saved = temporary.resolve("fresh");
        double before;
        try (LanguageModel model = FamilyFixtures.build(variant)) {
            model.initializeWeights(Dtype.FLOAT32, 11);
            before = logits(model);
            CheckpointSaver.save(model, saved, SaveOptions.withoutSource());
        }
        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(before, logits(again.model()), 0, variant);
        }
    }

    /// As the hub has it and transformers saves it, though no file said so.
    @Test
    void aFreshMixtureIsSavedWithATensorPerExpert() {
        Path saved = temporary.resolve("mixture");
        try (LanguageModel model = FamilyFixtures.build("qwen3moe/normalised")) {
            model.initializeWeights(Dtype.FLOAT32, 3);
            CheckpointSaver.save(model, saved, SaveOptions.withoutSource());
        }

        Golden published =
                Golden.read(FamilyFixtures.directory("qwen3moe/normalised").resolve("model.safetensors"));
        assertTrue(published.names().contains("model.layers.0.mlp.experts.3.down_proj.weight"));
        assertEquals(
                published.names(),
                Golden.read(saved.resolve("model.safetensors")).names());
    }

    private static double logits(LanguageModel model) {
        try (TensorScope _ = TensorScope.open();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor logits = model.logits(HostTensors.of(new long[] {5, 9, 11, 3}, 1, 4), Sequences.causal(1, 4));
            return logits.abs().sum().item_double();
        }
    }

    private static void assertPair(LanguageModel model, Dtype dtype) {
        boolean tied = model.tieFlag().tied();
        assertEquals(tied, TiedWeights.hasLocalTiedLmHead(model));
        assertEquals(
                tied, Ops.same(model.lmHead().tensor(), model.inputEmbedding().tensor()));
        assertEquals(dtype, Dtype.of(model.lmHead().tensor().scalar_type()));
    }
}
