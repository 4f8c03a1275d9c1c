package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.Sequences;
import dev.bowline.optim.Gradients;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// An adapter on one of two tied modules needs a tie mode, and keeps the tie of the base in either mode.
class TieModesTest {

    private static final String EMBEDDING = "model.embed_tokens";
    private static final String HEAD = "lm_head";
    private static final String TIED = "llama/tied";
    private static final String UNTIED = "llama/untied_old_config";

    @ParameterizedTest
    @CsvSource({"embed_tokens, model.embed_tokens", "lm_head, lm_head"})
    void oneOfTwoTiedModulesIsRefusedUntilAModeIsChosen(String name, String module) {
        try (Pretrained pretrained = open(TIED)) {
            LanguageModel model = pretrained.model();
            Adapters adapters = Adapters.of(model);

            for (LoraConfig config : List.of(targets(TieMode.UNCHOSEN, name), saved(TieMode.UNCHOSEN, name))) {
                BowlineException refused =
                        assertThrows(BowlineException.class, () -> adapters.create("one", config, 1));
                assertTrue(refused.problem().contains("'" + module + "', which is tied to"), refused.problem());
                assertTrue(refused.fix().contains("peft.tie_mode to shared"), refused.fix());
                assertTrue(refused.fix().contains("untie"), refused.fix());
            }
            assertTrue(adapters.all().isEmpty());
        }
    }

    @Test
    void sharedIsOneChangeWhicheverMemberIsNamed() {
        EmbeddingPair pair = new EmbeddingPair(EMBEDDING, 96, 32, 4, 2, Uses.BOTH);
        SavedModule copy = new SavedModule(EMBEDDING, List.of(96L, 32L), 0, Uses.BOTH);
        for (List<String> names :
                List.of(List.of("embed_tokens"), List.of("lm_head"), List.of("lm_head", "embed_tokens"))) {
            String[] all = names.toArray(String[]::new);
            assertEquals(List.of(pair), modules(TIED, targets(TieMode.SHARED, all)));
            assertEquals(List.of(copy), modules(TIED, saved(TieMode.SHARED, all)));
        }
        assertEquals(AdapterTies.SHARED, effect(TIED, targets(TieMode.SHARED, "lm_head")));
    }

    @Test
    void untieChangesTheNamedModuleOnly() {
        assertEquals(
                List.of(new EmbeddingPair(EMBEDDING, 96, 32, 4, 2, Uses.NAMED)),
                modules(TIED, targets(TieMode.UNTIE, "embed_tokens")));
        assertEquals(
                List.of(new LinearPair(HEAD, 32, 96, 4, 2, LoraConfig.Variant.LORA)),
                modules(TIED, targets(TieMode.UNTIE, "lm_head")));
        assertEquals(
                2,
                modules(TIED, saved(TieMode.UNTIE, "lm_head", "embed_tokens")).size());
        assertEquals(AdapterTies.PARTED, effect(TIED, targets(TieMode.UNTIE, "lm_head")));
        assertEquals(AdapterTies.PARTED, effect(TIED, saved(TieMode.UNTIE, "embed_tokens")));
        assertEquals(AdapterTies.UNCHANGED, effect(TIED, targets(TieMode.UNTIE, "q_proj")));
    }

    /// An adapter does not tie a model that says untied.
    @Test
    void aSeparateHeadIsNeverTied() {
        assertEquals(
                2,
                modules(UNTIED, targets(TieMode.UNCHOSEN, "embed_tokens", "lm_head"))
                        .size());
        assertEquals(AdapterTies.UNCHANGED, effect(UNTIED, saved(TieMode.UNTIE, "lm_head")));
        for (LoraConfig config : List.of(
                targets(TieMode.SHARED, "embed_tokens"),
                targets(TieMode.SHARED, "lm_head"),
                saved(TieMode.SHARED, "lm_head"),
                tokens(TieMode.SHARED, Map.of("embed_tokens", List.of(3L))))) {
            BowlineException refused = assertThrows(BowlineException.class, () -> modules(UNTIED, config));
            assertTrue(refused.problem().contains("the model has a separate head"), refused.problem());
        }
    }

    @Test
    void rowsOfTokensChangeATiedHeadToo() {
        TokenRows both = new TokenRows(EMBEDDING, List.of(7L, 2L), 32, Uses.BOTH);
        for (TieMode mode : List.of(TieMode.UNCHOSEN, TieMode.SHARED)) {
            assertEquals(List.of(both), modules(TIED, tokens(mode, Map.of("embed_tokens", List.of(7L, 2L)))));
        }
        for (LoraConfig config : List.of(
                tokens(TieMode.UNTIE, Map.of("embed_tokens", List.of(7L))),
                tokens(TieMode.UNCHOSEN, Map.of("lm_head", List.of(7L))),
                tokens(TieMode.SHARED, Map.of("embed_tokens", List.of(7L), "lm_head", List.of(8L))),
                tokens(TieMode.UNCHOSEN, Map.of("embed_tokens", List.of(7L, 7L))),
                tokens(TieMode.UNCHOSEN, Map.of("embed_tokens", List.of(96L))),
                tokens(TieMode.UNCHOSEN, Map.of("embed_token", List.of(7L))))) {
            assertThrows(BowlineException.class, () -> modules(TIED, config), config::toString);
        }
    }

    @Test
    void aModuleThatCannotBeSavedIsRefusedByName() {
        BowlineException unknown =
                assertThrows(BowlineException.class, () -> modules(TIED, saved(TieMode.UNCHOSEN, "lm_heads")));
        assertTrue(unknown.problem().contains("nearest: 'lm_head'"), unknown.problem());
        BowlineException experts = assertThrows(
                BowlineException.class, () -> modules("qwen3moe/normalised", saved(TieMode.UNCHOSEN, "experts")));
        assertTrue(experts.fix().contains("target_parameters"), experts.fix());
    }

    /// Every kind of change, new: no result changes, only the adapter trains, and a shared value is counted,
    /// clipped and stepped once.
    @ParameterizedTest
    @ValueSource(strings = {TIED, "llama/tied_bf16"})
    void aNewAdapterChangesNothingAndEachSharedValueIsTrainedOnce(String base) {
        List<LoraConfig> configs = List.of(
                targets(TieMode.SHARED, "embed_tokens"),
                saved(TieMode.SHARED, "lm_head"),
                saved(TieMode.UNTIE, "lm_head", "norm"),
                tokens(TieMode.UNCHOSEN, Map.of("embed_tokens", List.of(90L, 7L))));
        for (LoraConfig config : configs) {
            try (TensorScope _ = TensorScope.open();
                    Pretrained pretrained = open(base)) {
                LanguageModel model = pretrained.model();
                Tensor before = logits(model);
                Tensor table = model.inputEmbedding().tensor().detach().clone();

                Adapter adapter = Adapters.of(model).create("new", config, 1);

                assertTrue(before.allclose(logits(model), 1e-6, 1e-6, false), config::toString);
                assertEquals(adapter.slots().keySet(), model.trainable().keySet());
                assertEquals(
                        adapter.trainedValues(),
                        model.trainable().values().stream()
                                .mapToLong(parameter -> parameter.elements())
                                .sum());
                backward(model);
                double squares = adapter.slots().values().stream()
                        .mapToDouble(slot -> Math.pow(
                                slot.get().gradient().orElseThrow().norm().item_double(), 2))
                        .sum();
                double norm = new Gradients(model.trainable()).norm();
                assertEquals(Math.sqrt(squares), norm, 1e-2 * norm);
                assertTrue(TiedWeights.hasLocalTiedLmHead(model));
                assertTrue(model.inputEmbedding().tensor().equal(table));

                Adapters.of(model).detach("new");
                assertTrue(before.equal(logits(model)));
                assertSame(model.inputEmbedding(), model.lmHead().root());
            }
        }
    }

    /// PEFT merges a one-sided delta into the tied tensor, and a shared one twice.
    @ParameterizedTest
    @CsvSource({"embedding_alone, PARTED", "head_alone, PARTED", "shared, SHARED", "gemma4_shared, SHARED"})
    void theEffectOfAFileTellsAMergeWherePeftMovesTheLogits(String name, AdapterTies effect) {
        var fixture = Golden.directory("tied_adapters", name);
        var json = Json.parse(fixture.resolve("peft_reference.json")).asObject();
        assertTrue(json.requireDouble("largest_move_of_a_logit_by_merge") > 10);
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("", json.requireString("base")));
                var files = AdapterFiles.open(fixture)) {
            Adapter adapter = Adapters.of(pretrained.model()).attach("peft", files);

            assertEquals(effect, AdapterTies.of(pretrained.model(), adapter.modules()));
        }
    }

    @Test
    void anAdapterThatSettingsCallSharedMustBeShared() {
        assertFalse(modules(TIED, targets(TieMode.SHARED, "embed_tokens")).isEmpty());
        LoraConfig uneven = new LoraConfig(
                4,
                8,
                0,
                LoraConfig.DropoutPosition.PRE,
                LoraConfig.Scaling.LORA,
                LoraConfig.Variant.LORA,
                LoraConfig.LoraAInit.KAIMING,
                new ModulePatterns.Named(List.of("embed_tokens")),
                ModulePatterns.NONE,
                List.of(),
                List.of(),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(Map.of("embed_tokens", 16.0)),
                new LinkedHashMap<>(),
                TieMode.SHARED);

        BowlineException refused = assertThrows(BowlineException.class, () -> modules(TIED, uneven));

        assertTrue(refused.problem().contains("share one delta"), refused.problem());
    }

    /// PEFT asks `target_modules` for the bare name before it ties the head to an adapted embedding.
    @Test
    void theSettingsOfASharedDeltaMatchTheBareNameOfTheEmbedding() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "e2b_like"))) {
            Adapter adapter = Adapters.of(pretrained.model()).create("one", targets(TieMode.SHARED, "lm_head"), 1);

            assertTrue(adapter.savedConfig().targetModules().matches("embed_tokens"));
            assertTrue(adapter.savedConfig().targetModules().matches("model.language_model.embed_tokens"));
        }
    }

    @Test
    void anAdapterOfTheModelBeforeAResizeIsNotUsed() {
        try (Pretrained pretrained = open(TIED)) {
            LanguageModel model = pretrained.model();
            Adapters adapters = Adapters.of(model);
            adapters.create("old", targets(TieMode.SHARED, "embed_tokens"), 1);
            assertThrows(BowlineException.class, () -> model.resizeTokenEmbeddings(100));

            adapters.useNone();
            model.resizeTokenEmbeddings(100);

            assertThrows(BowlineException.class, () -> adapters.use("old"));
            adapters.create("new", targets(TieMode.SHARED, "embed_tokens"), 1);
            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
        }
    }

    private static Pretrained open(String base) {
        return AutoModel.fromPretrained(Golden.directory("families", base));
    }

    private static List<AdaptedModule> modules(String base, LoraConfig config) {
        try (Pretrained pretrained = open(base)) {
            return AdapterTargets.resolve(pretrained.model(), config).stream()
                    .filter(module -> !module.module().contains("q_proj"))
                    .toList();
        }
    }

    private static AdapterTies effect(String base, LoraConfig config) {
        try (Pretrained pretrained = open(base)) {
            LanguageModel model = pretrained.model();
            return AdapterTies.of(model, AdapterTargets.resolve(model, config));
        }
    }

    private static LoraConfig targets(TieMode mode, String... names) {
        return config(mode, List.of(names), List.of(), new LinkedHashMap<>());
    }

    private static LoraConfig saved(TieMode mode, String... names) {
        return config(mode, List.of("q_proj"), List.of(names), new LinkedHashMap<>());
    }

    private static LoraConfig tokens(TieMode mode, Map<String, List<Long>> rows) {
        return config(mode, List.of("q_proj"), List.of(), new LinkedHashMap<>(rows));
    }

    private static LoraConfig config(
            TieMode mode, List<String> targets, List<String> saved, SequencedMap<String, List<Long>> rows) {
        LoraConfig usual = LoraConfig.of(4, 8, new ModulePatterns.Named(targets));
        return new LoraConfig(
                usual.r(),
                usual.loraAlpha(),
                usual.loraDropout(),
                usual.dropoutPosition(),
                usual.scaling(),
                usual.variant(),
                usual.loraAInit(),
                usual.targetModules(),
                usual.excludeModules(),
                usual.targetParameters(),
                saved,
                usual.rankPattern(),
                usual.alphaPattern(),
                rows,
                mode);
    }

    private static Tensor ids() {
        return HostTensors.of(new long[] {1, 7, 90, 4, 5, 6}, 1, 6);
    }

    private static Tensor logits(LanguageModel model) {
        return model.logits(ids(), Sequences.causal(1, 6)).detach();
    }

    private static void backward(LanguageModel model) {
        Tensor hidden = model.hiddenStates(ids(), Sequences.causal(1, 6), Optional.empty());
        new ChunkedCrossEntropy(4)
                .backward(LossInput.of(hidden, model.head(), Targets.of(new long[] {7, 90, 4, 5, 6, 1})), 1);
    }
}
