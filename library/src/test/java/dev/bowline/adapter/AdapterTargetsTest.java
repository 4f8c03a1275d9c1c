package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.DropoutPosition;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.adapter.format.LoraConfig.Scaling;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The settings of an adapter name modules as in PEFT, and a setting that names nothing or is out of range is
/// refused.
class AdapterTargetsTest {

    private static final List<String> ATTENTION = List.of("q_proj", "k_proj", "v_proj", "o_proj");

    private static Pretrained llama;
    private static Pretrained experts;
    private static Pretrained gemma4;

    /// Settings with one part replaced.
    private static final class Settings {
        private long r = 4;
        private double alpha = 8;
        private double dropout;
        private DropoutPosition position = DropoutPosition.PRE;
        private Scaling scaling = Scaling.LORA;
        private Variant variant = Variant.LORA;
        private ModulePatterns targets = new ModulePatterns.AllLinear();
        private ModulePatterns excluded = ModulePatterns.NONE;
        private List<String> parameters = List.of();
        private List<String> saved = List.of();
        private final SequencedMap<String, Long> ranks = new LinkedHashMap<>();
        private final SequencedMap<String, Double> alphas = new LinkedHashMap<>();

        static Settings named(String... targets) {
            Settings settings = new Settings();
            settings.targets = new ModulePatterns.Named(List.of(targets));
            return settings;
        }

        LoraConfig config() {
            return new LoraConfig(
                    r,
                    alpha,
                    dropout,
                    position,
                    scaling,
                    variant,
                    LoraAInit.KAIMING,
                    targets,
                    excluded,
                    parameters,
                    saved,
                    ranks,
                    alphas,
                    new LinkedHashMap<>(),
                    TieMode.UNCHOSEN);
        }
    }

    @BeforeAll
    static void load() {
        llama = AutoModel.fromPretrained(Golden.directory("families/llama", "tied"));
        experts = AutoModel.fromPretrained(Golden.directory("families/qwen3moe", "normalised"));
        gemma4 = AutoModel.fromPretrained(Golden.directory("gemma4", "moe_tied"));
    }

    @AfterAll
    static void close() {
        llama.close();
        experts.close();
        gemma4.close();
    }

    /// The number of adapted modules by the last part of the name.
    private static TreeMap<String, Long> counted(LanguageModel model, Settings settings) {
        return AdapterTargets.resolve(model, settings.config()).stream()
                .map(AdaptedModule::module)
                .collect(Collectors.groupingBy(
                        name -> name.substring(name.lastIndexOf('.') + 1), TreeMap::new, Collectors.counting()));
    }

    private static String refusal(LanguageModel model, Settings settings) {
        BowlineException refused =
                assertThrows(BowlineException.class, () -> AdapterTargets.resolve(model, settings.config()));
        return refused.problem() + ", fix: " + refused.fix();
    }

    @Test
    void everyLinearLeavesTheHeadAndRoutersOutAndTakesExperts() {
        List<AdaptedModule> modules = AdapterTargets.resolve(experts.model(), new Settings().config());

        assertTrue(modules.stream().noneMatch(module -> module.module().endsWith("mlp.gate")));
        assertTrue(modules.stream().noneMatch(module -> module.module().equals("lm_head")));
        assertEquals(
                experts.model().decoder().config().layers().size(),
                modules.stream()
                        .filter(module -> module.module().endsWith("q_proj"))
                        .count());
        assertEquals(
                experts.model().linearStacks().size(),
                modules.stream().filter(ExpertPairs.class::isInstance).count());
        assertTrue(counted(gemma4.model(), new Settings()).keySet().stream().noneMatch("proj"::equals));
    }

    @Test
    void aRouterIsAdaptedWhereItIsNamed() {
        long layers = experts.model().linearStacks().size() / 2;
        Settings byParameter = Settings.named("q_proj");
        byParameter.parameters = List.of("mlp.gate.weight");

        assertEquals(layers, counted(experts.model(), Settings.named("gate")).get("gate"));
        assertEquals(layers, counted(experts.model(), byParameter).get("gate"));
        assertEquals(
                gemma4.model().linearStacks().size() / 2,
                counted(gemma4.model(), Settings.named("router.proj")).get("proj"));
    }

    @Test
    void namesAreEndsAndPatternsAreWhole() {
        Settings regex = new Settings();
        regex.targets = new ModulePatterns.Regex(".*layers\\.0\\..*(q|k)_proj");
        Settings wildcard = Settings.named("*.layers.1.*_proj");
        wildcard.excluded = new ModulePatterns.Named(List.of("*mlp*", "*vision_tower*"));
        Settings excluded = Settings.named("q_proj", "k_proj");
        excluded.excluded = new ModulePatterns.Named(List.of("layers.0.self_attn.q_proj"));
        long layers = llama.model().decoder().config().layers().size();

        assertEquals(new TreeMap<>(java.util.Map.of("k_proj", 1L, "q_proj", 1L)), counted(llama.model(), regex));
        assertEquals(
                List.of("k_proj", "o_proj", "q_proj", "v_proj"),
                List.copyOf(counted(llama.model(), wildcard).keySet()));
        assertEquals(
                new TreeMap<>(java.util.Map.of("k_proj", layers, "q_proj", layers - 1)),
                counted(llama.model(), excluded));
    }

    @Test
    void ranksAndScalesFollowThePatterns() {
        Settings settings = Settings.named("q_proj", "v_proj");
        settings.scaling = Scaling.RSLORA;
        settings.ranks.put("layers\\.0\\.self_attn\\.q_proj", 16L);
        settings.alphas.put("v_proj", 3.0);

        List<LinearPair> pairs = AdapterTargets.resolve(llama.model(), settings.config()).stream()
                .map(LinearPair.class::cast)
                .toList();

        assertEquals(16, pairs.getFirst().rank());
        assertEquals(8.0 / 4, pairs.getFirst().scale());
        assertEquals(4, pairs.get(1).rank());
        assertEquals(3.0 / 2, pairs.get(1).scale());
    }

    @ParameterizedTest
    @CsvSource({
        "q_prj, 'target_modules has ''q_prj'', which names nothing in the model (nearest: ''q_proj'''",
        "*.q_prj, 'target_modules has ''*.q_prj'', which names nothing'"
    })
    void aTargetThatNamesNothingIsRefused(String name, String expected) {
        assertTrue(refusal(llama.model(), Settings.named("k_proj", name)).startsWith(expected));
    }

    @Test
    void everySettingThatNamesNothingIsRefused() {
        Settings excluded = new Settings();
        excluded.excluded = new ModulePatterns.Named(List.of("k_prj"));
        Settings parameter = new Settings();
        parameter.parameters = List.of("experts.gate_proj");
        Settings rank = Settings.named("q_proj");
        rank.ranks.put("k_proj", 2L);
        Settings alpha = Settings.named("q_proj");
        alpha.alphas.put("k_proj", 2.0);
        Settings regex = new Settings();
        regex.targets = new ModulePatterns.Regex("q_proj");
        Settings all = Settings.named("q_proj");
        all.excluded = new ModulePatterns.Named(List.of("q_proj"));

        assertTrue(refusal(llama.model(), excluded).contains("exclude_modules has 'k_prj', which names nothing"));
        assertTrue(refusal(experts.model(), parameter).contains("target_parameters has 'experts.gate_proj'"));
        assertTrue(refusal(llama.model(), rank).contains("rank_pattern has 'k_proj'"));
        assertTrue(refusal(llama.model(), alpha).contains("alpha_pattern has 'k_proj'"));
        assertTrue(refusal(llama.model(), regex).contains("target_modules has 'q_proj'"));
        assertTrue(refusal(llama.model(), all).contains("changes no module"));
    }

    @Test
    void aStackedWeightIsNoModule() {
        String refusal = refusal(experts.model(), Settings.named("q_proj", "gate_up_proj"));

        assertTrue(refusal.contains("'model.layers.0.mlp.experts.gate_up_proj' is a parameter"), refusal);
        assertTrue(refusal.contains("move 'gate_up_proj' from target_modules to target_parameters"), refusal);
        // Gemma 4 has dense linears of the name too, which PEFT adapts alone.
        assertEquals(
                gemma4.model().decoder().config().layers().size(),
                counted(gemma4.model(), Settings.named("down_proj")).get("down_proj"));
        assertTrue(AdapterTargets.resolve(
                        gemma4.model(), Settings.named("down_proj").config())
                .stream()
                .allMatch(LinearPair.class::isInstance));
    }

    @Test
    void numbersOutOfRangeAreRefused() {
        Settings rank = Settings.named("q_proj");
        rank.r = 0;
        Settings alpha = Settings.named("q_proj");
        alpha.alpha = 0;
        Settings dropout = Settings.named("q_proj");
        dropout.dropout = 1;
        Settings post = Settings.named("q_proj");
        post.dropout = 0.1;
        post.position = DropoutPosition.POST;
        post.variant = Variant.DORA;

        assertTrue(refusal(llama.model(), rank).startsWith("the rank of an adapter is 0"));
        assertTrue(refusal(llama.model(), alpha).startsWith("the alpha of an adapter is 0.0"));
        assertTrue(refusal(llama.model(), dropout).startsWith("lora_dropout is 1.0"));
        assertTrue(refusal(llama.model(), post).contains("DoRA has a dropout before lora_A only"));
    }

    @Test
    void expertsHaveNoDropoutAndNoDora() {
        Settings dora = new Settings();
        dora.variant = Variant.DORA;
        Settings dropout = new Settings();
        dropout.dropout = 0.1;
        Settings withoutExperts = new Settings();
        withoutExperts.dropout = 0.1;
        withoutExperts.excluded =
                new ModulePatterns.Named(List.of("experts.gate_up_proj", "experts.down_proj", "*mlp*"));

        assertTrue(refusal(experts.model(), dora).contains("DoRA is for linears only"));
        assertTrue(refusal(experts.model(), dropout).contains("lora_dropout is 0.1"));
        assertEquals(
                ATTENTION.stream().sorted().toList(),
                List.copyOf(counted(experts.model(), withoutExperts).keySet()));
    }
}
