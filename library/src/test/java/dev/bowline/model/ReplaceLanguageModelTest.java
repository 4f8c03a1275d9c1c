package dev.bowline.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.CheckpointSaver;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.optim.AdamW;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A tied head follows the language model that replaces another one, and nothing trains, keeps or saves the old
/// one.
class ReplaceLanguageModelTest {

    private static final long[] IDS = {5, 9, 11, 3};

    @TempDir
    private Path temporary = Path.of("");

    @Test
    void aDenseModelComputesAsTheMixtureOfExpertsThatReplacesItsLanguageModel() {
        try (var _ = TensorScope.open();
                Pretrained dense = load("dense_kv");
                Pretrained mixture = load("moe_tied");
                Pretrained again = load("moe_tied")) {
            LanguageModel model = dense.model();

            model.replaceLanguageModel(mixture.model());

            assertSame(model.inputEmbedding().get(), model.lmHead().get());
            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            assertTrue(logits(model).equal(logits(again.model())));
            assertEquals(again.model().config(), model.config());
            assertEquals(
                    List.copyOf(again.model().slots().keySet()),
                    List.copyOf(model.slots().keySet()));
        }
    }

    /// The fixture's logits are those of transformers.
    @Test
    void theReplacedModelHasTheLogitsThatTransformersHasForTheReplacement() {
        Golden reference = Golden.read(Golden.directory("gemma4", "moe_tied").resolve("reference.safetensors"));
        long[] ids = reference.longs("unpadded.input_ids");
        try (var _ = TensorScope.open();
                var _ = new NoGradGuard();
                Pretrained dense = load("dense_kv");
                Pretrained mixture = load("moe_tied")) {
            dense.model().replaceLanguageModel(mixture.model());

            Tensor logits = dense.model().logits(HostTensors.of(ids, 1, ids.length), Sequences.causal(1, ids.length));

            Tensor expected = reference.tensor("unpadded.logits");
            double difference = logits.sub(expected).abs().max().item_double();
            double largest = expected.abs().max().item_double();
            assertTrue(difference < 1e-4 * largest, "%s of %s".formatted(difference, largest));
        }
    }

    @Test
    void aTrainingStepAfterTheReplacementMovesHeadAndEmbeddingTogether() {
        try (var _ = TensorScope.open();
                LanguageModel model = fresh("dense_kv");
                LanguageModel mixture = fresh("moe_tied")) {
            model.replaceLanguageModel(mixture);
            Tensor before = model.lmHead().tensor().detach().clone();

            try (AdamW optimizer = new AdamW(model.trainable(), AdamW.Settings.defaults())) {
                backward(model);
                optimizer.step(0.01);
            }

            assertFalse(before.equal(model.lmHead().tensor()), "the step changed nothing");
            assertTrue(Ops.same(model.lmHead().tensor(), model.inputEmbedding().tensor()));
        }
    }

    @Test
    void theMemoryOfTheOldLanguageModelIsFreedAndItsOptimizerRefusesTheNextStep() {
        try (var _ = TensorScope.open();
                LanguageModel model = fresh("dense_kv");
                LanguageModel mixture = fresh("moe_tied");
                AdamW optimizer = new AdamW(model.trainable(), AdamW.Settings.defaults())) {
            List<Parameter> old = List.copyOf(model.parameters().values());
            backward(model);
            optimizer.step(0.01);

            model.replaceLanguageModel(mixture);
            Tensor before = model.inputEmbedding().tensor().detach().clone();
            backward(model);

            assertTrue(old.stream().noneMatch(Parameter::isMaterialized), "the old model still holds values");
            BowlineException refused = assertThrows(BowlineException.class, () -> optimizer.step(0.01));
            assertTrue(refused.problem().contains("part of the model was replaced"), refused.problem());
            assertTrue(refused.fix().contains("build the optimizer again"), refused.fix());
            assertTrue(before.equal(model.inputEmbedding().tensor()), "a parameter moved");
        }
    }

    @Test
    void aSeparateHeadStaysSeparateAndKeepsItsValues() {
        try (var _ = TensorScope.open();
                LanguageModel model = fresh("moe_untied");
                LanguageModel other = AutoModel.fromConfig(config("moe_untied"))) {
            other.initializeWeights(Dtype.FLOAT32, 99);
            Tensor head = model.lmHead().tensor().detach().clone();
            Tensor embedding = model.inputEmbedding().tensor().detach().clone();

            model.replaceLanguageModel(other);

            assertFalse(model.lmHead().isTied());
            assertTrue(head.equal(model.lmHead().tensor()));
            assertFalse(embedding.equal(model.inputEmbedding().tensor()));
        }
    }

    @Test
    void theReplacedModelIsSavedAndLoadedWithTheConfigOfTheNewLanguageModel() {
        try (var _ = TensorScope.open();
                Pretrained dense = load("dense_kv");
                Pretrained mixture = load("moe_tied")) {
            LanguageModel model = dense.model();
            model.replaceLanguageModel(mixture.model());
            CheckpointSaver.save(model, temporary.resolve("saved"), SaveOptions.withoutSource());

            try (Pretrained saved = AutoModel.fromPretrained(temporary.resolve("saved"))) {
                assertTrue(logits(model).equal(logits(saved.model())));
                assertTrue(TiedWeights.hasLocalTiedLmHead(saved.model()));
            }
        }
    }

    @Test
    void theReplacementIsUsedUpAndClosingItChangesNothing() {
        try (var _ = TensorScope.open();
                LanguageModel model = fresh("dense_kv");
                LanguageModel mixture = fresh("moe_tied")) {
            model.replaceLanguageModel(mixture);
            Tensor before = logits(model);

            BowlineException refused = assertThrows(BowlineException.class, () -> logits(mixture));
            mixture.close();

            assertTrue(refused.problem().contains("was moved into another model"), refused.problem());
            assertTrue(before.equal(logits(model)));
            assertThrows(BowlineException.class, () -> model.replaceLanguageModel(mixture));
        }
    }

    @Test
    void shapesThatDoNotFitAreRefusedWithBothShapesAndTheModelIsAsBefore() {
        JsonObject config = config("moe_tied");
        JsonObject wide =
                config.with("text_config", config.requireObject("text_config").with("hidden_size", 64));
        try (var _ = TensorScope.open();
                LanguageModel model = fresh("dense_kv");
                LanguageModel other = AutoModel.fromConfig(wide)) {
            Tensor before = logits(model);

            BowlineException refused = assertThrows(BowlineException.class, () -> model.replaceLanguageModel(other));

            assertEquals(
                    "'model.language_model.embed_tokens.weight' of the replacement has shape [128, 64], of the model"
                            + " shape [128, 32]",
                    refused.problem());
            assertEquals("build the replacement with vocab_size 128 and hidden_size 32", refused.fix());
            assertTrue(before.equal(logits(model)));
            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
        }
    }

    @Test
    void anotherKindOfHeadAndAnotherClassAreRefused() {
        try (LanguageModel model = AutoModel.fromConfig(config("dense_kv"));
                LanguageModel untied = AutoModel.fromConfig(config("moe_untied"));
                LanguageModel textOnly = AutoModel.fromConfig(config("text_only"))) {
            BowlineException head = assertThrows(BowlineException.class, () -> model.replaceLanguageModel(untied));
            BowlineException other = assertThrows(BowlineException.class, () -> model.replaceLanguageModel(textOnly));

            assertEquals("the replacement has a separate head, the model has a tied head", head.problem());
            assertTrue(head.fix().startsWith("set tie_word_embeddings to true"), head.fix());
            assertTrue(other.problem().contains("is a Gemma4ForCausalLM"), other.problem());
            assertThrows(IllegalArgumentException.class, () -> model.replaceLanguageModel(model));
        }
    }

    @Test
    void aSeparateHeadOfAnotherDtypeIsRefused() {
        try (LanguageModel model = fresh("moe_untied");
                LanguageModel other = AutoModel.fromConfig(config("moe_untied"))) {
            other.initializeWeights(Dtype.BFLOAT16, 3);

            BowlineException refused = assertThrows(BowlineException.class, () -> model.replaceLanguageModel(other));

            assertTrue(refused.problem().contains("dtype bfloat16"), refused.problem());
        }
    }

    private static void backward(LanguageModel model) {
        model.logits(HostTensors.of(IDS, 1, IDS.length), Sequences.causal(1, IDS.length))
                .square()
                .mean()
                .backward();
    }

    private static Tensor logits(LanguageModel model) {
        try (NoGradGuard _ = new NoGradGuard()) {
            return model.logits(HostTensors.of(IDS, 1, IDS.length), Sequences.causal(1, IDS.length));
        }
    }

    private static LanguageModel fresh(String variant) {
        LanguageModel model = AutoModel.fromConfig(config(variant));
        model.initializeWeights(Dtype.FLOAT32, 7);
        return model;
    }

    private static Pretrained load(String variant) {
        return AutoModel.fromPretrained(Golden.directory("gemma4", variant));
    }

    private static JsonObject config(String variant) {
        return Json.parse(Golden.directory("gemma4", variant).resolve("config.json"))
                .asObject();
    }
}
