package dev.bowline.model.gemma4;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedHead;
import dev.bowline.model.TiedWeights;
import dev.bowline.model.decoder.Decoder;
import dev.bowline.nn.BrokenTie;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.lang.ref.WeakReference;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A Gemma 4 head that is declared tied is the active input embedding, whatever happens to the model.
class Gemma4TiesTest {

    private static final long SEED = 7;

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void headAndActiveEmbeddingAreOneParameterRightAfterConstruction(String variant) {
        try (LanguageModel model = build(variant)) {
            assertSame(model.inputEmbedding().get(), model.lmHead().get());
            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            assertFalse(model.parameters().containsKey("lm_head.weight"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void theReplacedLanguageModelIsUnreachable(String variant) throws InterruptedException {
        try (LanguageModel model = build(variant)) {
            WeakReference<Decoder> replaced = replaceOnce(model);

            for (int i = 0; i < 50 && replaced.get() != null; i++) {
                System.gc();
                Thread.sleep(10);
            }

            assertSame(null, replaced.get(), "something still reaches the replaced language model");
            assertSame(model.inputEmbedding().get(), model.lmHead().get());
        }
    }

    private static WeakReference<Decoder> replaceOnce(LanguageModel model) {
        Decoder old = model.decoder();
        model.replaceLanguageModel(AutoModel.fromConfig(model.config()));
        assertNotSame(old, model.decoder());
        return new WeakReference<>(old);
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void theTieSurvivesInitialisationInBfloat16AndAnyLaterCast(String variant) {
        try (var _ = TensorScope.open();
                LanguageModel model = build(variant)) {
            model.initializeWeights(Dtype.BFLOAT16, SEED);
            assertOneTensor(model, Dtype.BFLOAT16);
            long before = Ops.address(model.lmHead().tensor());

            model.cast(Dtype.FLOAT32);

            assertOneTensor(model, Dtype.FLOAT32);
            assertEquals(before, Ops.address(model.lmHead().tensor()), "the cast replaced the tensor object");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void aTrainingStepMovesHeadAndEmbeddingTogether(String variant) {
        try (var _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load(variant)) {
            Tensor before = model.inputEmbedding().tensor().detach().clone();
            model.logits(HostTensors.of(new long[] {5, 9, 11, 3}, 1, 4), Sequences.causal(1, 4))
                    .square()
                    .mean()
                    .backward();
            try (var _ = new NoGradGuard()) {
                for (Parameter parameter : model.trainable().values()) {
                    parameter.value().sub_(Ops.times(parameter.gradient().orElseThrow(), 0.01));
                }
            }

            assertOneTensor(model, Dtype.FLOAT32);
            assertFalse(before.equal(model.lmHead().tensor()), "the step changed nothing");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void tieWeightsRepairsADeliberateBreakAndMayBeCalledAgain(String variant) {
        try (var _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load(variant)) {
            BrokenTie.untie(
                    model.lmHead(), model.inputEmbedding().tensor().detach().clone());
            assertFalse(TiedWeights.hasLocalTiedLmHead(model));

            model.tieWeights();
            model.tieWeights();

            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            assertSame(model.inputEmbedding().get(), model.lmHead().get());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void sharedStorageIsNotATie(String variant) {
        try (var _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load(variant)) {
            BrokenTie.untie(model.lmHead(), model.inputEmbedding().tensor().detach());

            assertEquals(
                    HostTensors.bytes(model.inputEmbedding().tensor()).address(),
                    HostTensors.bytes(model.lmHead().tensor()).address());
            assertFalse(TiedWeights.hasLocalTiedLmHead(model));

            TiedWeights.ensureTiedLmHead(model);

            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void theHeadOfASmallerDraftVocabularyIsNeverTied(String variant) {
        try (var _ = TensorScope.open();
                LanguageModel model = build(variant)) {
            Linear drafts = new Linear("draft.lm_head", 32, 100);
            Draft draft = new Draft(model, drafts);

            assertFalse(TiedWeights.hasLocalTiedLmHead(draft));
            BowlineException refused = assertThrows(BowlineException.class, () -> TiedWeights.ensureTiedLmHead(draft));

            assertTrue(refused.problem().contains("'draft.lm_head.weight' has shape [100, 32]"), refused.problem());
            assertTrue(refused.problem().contains("has shape [128, 32]"), refused.problem());
            assertFalse(drafts.weight().isTied());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_untied", "flag_top_false_text_true", "text_only_untied"})
    void untiedHeadsHaveTheirOwnStorageAndGradient(String variant) {
        try (var _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load(variant)) {
            model.tieWeights();
            TiedWeights.ensureTiedLmHead(model);
            assertFalse(TiedWeights.hasLocalTiedLmHead(model));
            assertNotSame(model.inputEmbedding().get(), model.lmHead().get());
            assertNotEquals(
                    HostTensors.bytes(model.inputEmbedding().tensor()).address(),
                    HostTensors.bytes(model.lmHead().tensor()).address());

            model.logits(HostTensors.of(new long[] {5, 9, 11, 3}, 1, 4), Sequences.causal(1, 4))
                    .square()
                    .mean()
                    .backward();

            Tensor head = model.lmHead().get().gradient().orElseThrow();
            Tensor embedding = model.inputEmbedding().get().gradient().orElseThrow();
            assertFalse(head.equal(embedding));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "true,  true,  true,  TOP",
        "true,  false, true,  TOP",
        "false, true,  false, TOP",
        "false, false, false, TOP",
        "-,     true,  true,  TEXT",
        "-,     false, false, TEXT",
        "-,     -,     true,  CLASS_DEFAULT"
    })
    void theTopLevelFlagControlsAndTheTextLevelOnlyWhereItIsSilent(
            String top, String text, boolean tied, TieFlag.Level level) {
        for (String variant : new String[] {"moe_tied", "dense_kv"}) {
            JsonObject config = config(variant);
            JsonObject textConfig = withFlag(config.requireObject("text_config"), text);
            try (LanguageModel model =
                    AutoModel.fromConfig(withFlag(config, top).with("text_config", textConfig))) {
                assertEquals(new TieFlag(tied, level), model.tieFlag());
                assertEquals(tied, TiedWeights.hasLocalTiedLmHead(model));
            }
        }
    }

    /// A tied value is counted once, as the reference's distinct parameters are.
    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "moe_untied", "dense_kv", "flag_top_false_text_true"})
    void everyValueIsCountedOnce(String variant) {
        try (LanguageModel model = build(variant)) {
            long trained = model.trainable().values().stream()
                    .mapToLong(Parameter::elements)
                    .sum();

            JsonObject facts = Json.parse(Golden.directory("gemma4", variant).resolve("reference.json"))
                    .asObject();
            assertEquals(facts.requireLong("parameters_distinct"), trained);
        }
    }

    @Test
    void fillingAParameterWithTheWrongShapeIsRefused() {
        try (var _ = TensorScope.open();
                LanguageModel model = build("moe_tied")) {
            Parameter embedding = model.inputEmbedding().get();

            assertThrows(
                    IllegalArgumentException.class,
                    () -> embedding.materialize(Ops.zeros(Device.CPU, Dtype.FLOAT32, 3, 3)));
        }
    }

    @Test
    void usingAModelWithoutValuesNamesTheSlot() {
        try (var _ = TensorScope.open();
                LanguageModel model = build("moe_tied")) {
            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> model.logits(HostTensors.of(new long[] {1, 2}, 1, 2), Sequences.causal(1, 2)));

            assertTrue(refused.problem().contains("embed_tokens.weight"), refused.problem());
        }
    }

    /// `model` with another head, of fewer tokens, as a draft model has.
    private record Draft(LanguageModel model, Linear head) implements TiedHead {

        @Override
        public String architecture() {
            return model.architecture();
        }

        @Override
        public TieSupport tieSupport() {
            return model.tieSupport();
        }

        @Override
        public TieFlag tieFlag() {
            return model.tieFlag();
        }

        @Override
        public TieFlag.ClassDefault tieDefault() {
            return model.tieDefault();
        }

        @Override
        public Slot inputEmbedding() {
            return model.inputEmbedding();
        }

        @Override
        public Slot lmHead() {
            return head.weight();
        }

        @Override
        public void tieWeights() {
            model.tieWeights();
        }
    }

    private static JsonObject withFlag(JsonObject level, String flag) {
        return flag.equals("-")
                ? level.without("tie_word_embeddings")
                : level.with("tie_word_embeddings", Boolean.parseBoolean(flag));
    }

    private static void assertOneTensor(LanguageModel model, Dtype dtype) {
        assertTrue(TiedWeights.hasLocalTiedLmHead(model));
        assertTrue(Ops.same(model.lmHead().tensor(), model.inputEmbedding().tensor()));
        assertEquals(dtype, Dtype.of(model.lmHead().tensor().scalar_type()));
    }

    private static LanguageModel build(String variant) {
        return AutoModel.fromConfig(config(variant));
    }

    private static JsonObject config(String variant) {
        return Json.parse(Golden.directory("gemma4", variant).resolve("config.json"))
                .asObject();
    }
}
