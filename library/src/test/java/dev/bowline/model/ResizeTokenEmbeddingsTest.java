package dev.bowline.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.TieAudit;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.CheckpointSaver;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A resize of the token embedding has transformers' result, keeps the tie, and is the same after a save and a
/// load.
class ResizeTokenEmbeddingsTest {

    private static final Golden TRANSFORMERS = Golden.read(Golden.directory("", "resized_embeddings.safetensors"));

    /// 5.3e-6 of the largest logit was measured.
    private static final double BOUND = 2e-5;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({
        "families/llama/tied, 101",
        "families/llama/tied, 64",
        "families/llama/untied_old_config, 99",
        "families/gemma2/tied_old_config, 103",
        "gemma4/e2b_like, 140"
    })
    void theLogitsAreThoseOfTransformersAndSurviveASave(String base, int rows) {
        String key = "%s.%d".formatted(base, rows);
        Path saved = directory.resolve("saved");
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("", base))) {
            LanguageModel model = pretrained.model();
            boolean isTied = model.lmHead().isTied();

            model.resizeTokenEmbeddings(rows);

            Tensor ids = TRANSFORMERS.tensor(key + ".ids");
            Tensor logits = logits(model, ids);
            Tensor expected = TRANSFORMERS.tensor(key + ".logits");
            assertEquals(rows, model.vocabularySize());
            assertTrue(distance(expected, logits) <= BOUND, () -> "off by " + distance(expected, logits));
            assertEquals(isTied, TiedWeights.hasLocalTiedLmHead(model));
            TiedWeights.requireDistinct(model, model.parameters());

            CheckpointSaver.save(model, saved, SaveOptions.like(pretrained.checkpoint()));
            assertTrue(
                    TieAudit.of(saved).findings().isEmpty(),
                    () -> "" + TieAudit.of(saved).findings());
            try (Pretrained again = AutoModel.fromPretrained(saved)) {
                assertEquals(rows, again.model().vocabularySize());
                assertEquals(0, distance(logits, logits(again.model(), ids)));
            }
        }
    }

    @Test
    void everyLevelOfTheConfigHasTheNewNumber() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "e2b_like"))) {
            LanguageModel model = pretrained.model();

            model.resizeTokenEmbeddings(140);

            JsonObject text = model.config().requireObject("text_config");
            assertFalse(model.config().has("vocab_size"));
            assertEquals(140, text.requireInt("vocab_size"));
            assertEquals(140, text.requireInt("vocab_size_per_layer_input"));
            assertEquals(
                    140,
                    Objects.requireNonNull(model.embeddings().get("model.language_model.embed_tokens_per_layer"))
                            .operator()
                            .vocabulary());
        }
    }

    @Test
    void newRowsAreTheMeanAndOldOnesStay() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families", "llama/tied_bf16"))) {
            LanguageModel model = pretrained.model();
            Tensor old = model.inputEmbedding().tensor().detach().clone();
            Parameter before = model.inputEmbedding().get();
            before.freeze();

            model.resizeTokenEmbeddings(98);

            Tensor table = model.inputEmbedding().tensor();
            assertTrue(table.narrow(0, 0, 96).equal(old));
            Tensor mean = old.to(Dtype.FLOAT64.scalarType()).mean(0).to(Dtype.BFLOAT16.scalarType());
            assertTrue(table.select(0, 96).equal(mean));
            assertTrue(table.select(0, 97).equal(mean));
            assertFalse(model.inputEmbedding().get().requiresGrad());
            assertThrows(BowlineException.class, before::value);
        }
    }

    @Test
    void aModelWithoutValuesIsResizedBeforeItsLoad() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families", "llama/tied"));
                LanguageModel empty = AutoModel.fromConfig(pretrained.model().config())) {
            empty.resizeTokenEmbeddings(100);

            assertArrayEquals(new long[] {100, 32}, empty.lmHead().shape());
            assertSame(empty.inputEmbedding(), empty.lmHead().root());
            assertFalse(empty.inputEmbedding().get().isMaterialized());
        }
    }

    @Test
    void aModelThatCannotBeResizedStaysAsItIs() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families", "llama/tied"))) {
            LanguageModel model = pretrained.model();
            Slot before = model.inputEmbedding();
            assertThrows(BowlineException.class, () -> model.resizeTokenEmbeddings(0));
            try (RandomSource random = RandomSource.seeded(1)) {
                Linear head = model.head().linear();
                LinearOperator stored = head.operator();
                head.replace(base -> LowRankSum.random(head, base, random));

                BowlineException refused = assertThrows(BowlineException.class, () -> model.resizeTokenEmbeddings(100));

                assertTrue(refused.fix().contains("resize the model first"), refused.fix());
                List<Slot> added = head.operator().slots();
                head.replace(_ -> stored);
                added.stream()
                        .filter(slot -> !stored.slots().contains(slot))
                        .map(Slot::get)
                        .forEach(Parameter::close);
            }
            assertSame(before, model.inputEmbedding());
            assertEquals(96, model.config().requireInt("vocab_size"));
        }
    }

    @Test
    void aPaddingIdWithoutARowIsRefused() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families", "llama/tied"))) {
            JsonObject config = pretrained.model().config().with("pad_token_id", JsonValue.of(90));
            try (LanguageModel model = AutoModel.fromConfig(config)) {
                BowlineException refused = assertThrows(BowlineException.class, () -> model.resizeTokenEmbeddings(64));

                assertTrue(refused.problem().contains("pad_token_id is 90"), refused.problem());
                assertEquals(96, model.vocabularySize());
            }
        }
    }

    private static Tensor logits(LanguageModel model, Tensor ids) {
        return model.logits(ids, Sequences.causal((int) ids.size(0), (int) ids.size(1)))
                .detach();
    }

    /// The largest difference relative to the largest logit.
    private static double distance(Tensor expected, Tensor actual) {
        return actual.sub(expected).abs().max().item_double()
                / expected.abs().max().item_double();
    }
}
