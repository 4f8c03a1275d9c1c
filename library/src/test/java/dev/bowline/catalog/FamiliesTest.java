package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.Architecture;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.decoder.FamilyFixtures;
import dev.bowline.nn.NormalizedLinear;
import dev.bowline.ties.TieSupport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A class of the catalog says which heads it can have, and every head it says is compared with the reference.
class FamiliesTest {

    @Test
    void everyClassHasFixturesForEveryHeadThatItsPolicyAllows() throws IOException {
        Map<String, Set<Boolean>> tested = new HashMap<>();
        for (Path facts : referenceFiles()) {
            JsonObject reference = Json.parse(facts).asObject();
            if (!isWhole(facts.resolveSibling("reference.safetensors"))) {
                continue;
            }
            tested.computeIfAbsent(reference.requireString("class"), _ -> new HashSet<>())
                    .add(reference.requireBoolean("tied"));
        }

        for (Architecture family : Families.all()) {
            Set<Boolean> heads = tested.getOrDefault(family.name(), Set.of());
            assertEquals(heads(family.tieSupport()), heads, family.name() + ": heads with fixtures (tied is true)");
        }
    }

    /// The heads that a policy allows; true is tied.
    static Set<Boolean> heads(TieSupport support) {
        return switch (support) {
            case BOTH -> Set.of(true, false);
            case TIED_ONLY -> Set.of(true);
            case UNTIED_ONLY -> Set.of(false);
        };
    }

    @Test
    void everyHeadOfEveryFamilyWasTrainedSavedAndOpenedByTransformers() {
        JsonObject saves = Json.parse(Golden.directory("", "").resolve("family_saves.json"))
                .asObject()
                .requireObject("classes");
        for (Architecture family : Families.all()) {
            if (family.name().startsWith("Gemma4")) {
                continue; // another script's
            }
            Set<String> heads = switch (family.tieSupport()) {
                case BOTH -> Set.of("tied", "separate");
                case TIED_ONLY -> Set.of("tied");
                case UNTIED_ONLY -> Set.of("separate");
            };
            JsonObject opened = saves.requireObject(family.name());
            assertEquals(heads, Set.copyOf(opened.keys()), family.name());
            for (String head : heads) {
                JsonObject save = opened.requireObject(head);
                assertTrue(save.requireArray("problems").values().isEmpty(), family.name() + " " + save);
                assertEquals(head.equals("tied"), save.requireObject("tie").requireBoolean("tied"));
            }
        }
    }

    /// A NormHead divides its rows by their length and a lookup does not, so one value cannot be both.
    @Test
    void aHeadThatDividesItsRowsMustStaySeparate() {
        for (String variant : FamilyFixtures.all()) {
            try (LanguageModel model = FamilyFixtures.build(variant)) {
                if (model.head().linear().operator() instanceof NormalizedLinear) {
                    assertEquals(TieSupport.UNTIED_ONLY, model.tieSupport(), variant);
                }
            }
        }
        assertEquals(
                TieSupport.UNTIED_ONLY,
                Families.of(FamilyFixtures.config("baichuan2/untied")).tieSupport());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "GraniteForCausalLM | llama/tied | {\"embedding_multiplier\": 12.0, \"logits_scaling\": 8.0}"
                        + " | LlamaForCausalLM | it does not build embedding_multiplier 12.0, logits_scaling 8.0",
                "PersimmonForCausalLM | llama/tied | {\"qk_layernorm\": true, \"layer_norm_eps\": 1e-5}"
                        + " | LlamaForCausalLM | it does not know qk_layernorm, layer_norm_eps",
                "NemotronForCausalLM | llama/tied | {\"hidden_act\": \"relu2\"}"
                        + " | LlamaForCausalLM | it does not build hidden_act \"relu2\"",
                "XyzzyForCausalLM | llama/tied | {} | LlamaForCausalLM | only in the name of the class",
                "XyzzyForCausalLM | qwen3moe/normalised | {\"n_shared_experts\": 1}"
                        + " | Qwen3MoeForCausalLM | it does not know n_shared_experts",
                "Qwen3ForSequenceClassification | qwen3/windows | {\"model_type\": \"qwen3\"}"
                        + " | Qwen3ForCausalLM | only in the name of the class",
                "XyzzyForCausalLM | gemma2/untied | {} | Gemma2ForCausalLM | only in the name of the class",
                "XyzzyForCausalLM | phi3/longrope_su | {} | Phi3ForCausalLM | only in the name of the class",
                "XyzzyForCausalLM | smollm3/tied | {} | SmolLM3ForCausalLM | only in the name of the class"
            })
    void anUnknownClassOfAKnownShapeIsRefusedWithTheClosestAndWhatDiffers(
            String architecture, String shape, String changes, String closest, String difference) {
        JsonObject config = FamilyFixtures.config(shape)
                .without("model_type")
                .with("architectures", Json.parse("[\"%s\"]".formatted(architecture), "architectures"));
        JsonObject more = Json.parse(changes, "changes").asObject();
        for (String key : more.keys()) {
            config = config.with(key, more.require(key));
        }
        JsonObject asked = config;

        BowlineException refused = assertThrows(BowlineException.class, () -> Families.of(asked));

        assertTrue(refused.problem().contains("'" + architecture + "'"), refused.problem());
        assertTrue(refused.problem().contains("the closest is " + closest), refused.problem());
        assertTrue(refused.problem().contains(difference), refused.problem());
    }

    @Test
    void aConfigOfAnotherShapeHasNoClosestFamily() {
        JsonObject gpt2 = Json.parse("""
                        {"architectures": ["GPT2LMHeadModel"], "n_embd": 32, "n_layer": 2, "n_head": 4}
                        """, "config.json").asObject();

        BowlineException refused = assertThrows(BowlineException.class, () -> Families.of(gpt2));

        assertFalse(refused.problem().contains("closest"), refused.problem());
    }

    /// With everything that parity is: logits, loss, gradients, steps of the optimizer, a greedy continuation.
    private static boolean isWhole(Path reference) {
        Set<String> names = Golden.read(reference).names();
        return names.containsAll(Set.of("logits", "loss", "adamw.losses", "greedy.tokens"))
                && names.stream().anyMatch(name -> name.startsWith("grad."));
    }

    private static List<Path> referenceFiles() throws IOException {
        Path root = Golden.directory("families", "").getParent();
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(file -> file.endsWith("reference.json")).toList();
        }
    }
}
