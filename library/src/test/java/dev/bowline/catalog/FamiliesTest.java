package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
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

/// A class of the catalog says which heads it can have, and every head it says is compared with the reference.
class FamiliesTest {

    @Test
    void everyClassHasFixturesForEveryHeadThatItsPolicyAllows() throws IOException {
        Map<String, Set<Boolean>> tested = new HashMap<>();
        for (Path facts : referenceFiles()) {
            JsonObject reference = Json.parse(facts).asObject();
            tested.computeIfAbsent(reference.requireString("class"), _ -> new HashSet<>())
                    .add(reference.requireBoolean("tied"));
        }

        for (Families.Family family : Families.all()) {
            Set<Boolean> heads = tested.getOrDefault(family.architecture(), Set.of());
            Set<Boolean> allowed = switch (family.tieSupport()) {
                case BOTH -> Set.of(true, false);
                case TIED_ONLY -> Set.of(true);
                case UNTIED_ONLY -> Set.of(false);
            };
            assertEquals(allowed, heads, family.architecture() + ": heads with fixtures (tied is true)");
        }
    }

    @Test
    void everyHeadOfEveryFamilyWasTrainedSavedAndOpenedByTransformers() {
        JsonObject saves = Json.parse(Golden.directory("", "").resolve("family_saves.json"))
                .asObject()
                .requireObject("classes");
        for (Families.Family family : Families.all()) {
            if (family.architecture().startsWith("Gemma4")) {
                continue; // another script's
            }
            Set<String> heads = switch (family.tieSupport()) {
                case BOTH -> Set.of("tied", "separate");
                case TIED_ONLY -> Set.of("tied");
                case UNTIED_ONLY -> Set.of("separate");
            };
            JsonObject opened = saves.requireObject(family.architecture());
            assertEquals(heads, Set.copyOf(opened.keys()), family.architecture());
            for (String head : heads) {
                JsonObject save = opened.requireObject(head);
                assertTrue(save.requireArray("problems").values().isEmpty(), family.architecture() + " " + save);
                assertEquals(head.equals("tied"), save.requireObject("tie").requireBoolean("tied"));
            }
        }
    }

    @Test
    void theOnlyHeadThatMustStaySeparateIsTheOneThatDividesItsRows() {
        List<String> untiedOnly = Families.all().stream()
                .filter(family -> family.tieSupport() == TieSupport.UNTIED_ONLY)
                .map(Families.Family::architecture)
                .toList();

        assertEquals(List.of("BaichuanForCausalLM"), untiedOnly);
    }

    @Test
    void anUnknownClassOfAKnownShapeIsRefusedWithTheClosestAndWhatDiffers() {
        JsonObject granite = Json.parse("""
                        {"architectures": ["GraniteForCausalLM"], "model_type": "granite", "vocab_size": 96,
                         "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2,
                         "num_attention_heads": 4, "rms_norm_eps": 1e-6, "embedding_multiplier": 12.0}
                        """, "config.json").asObject();

        BowlineException refused = assertThrows(BowlineException.class, () -> Families.of(granite));

        assertTrue(refused.problem().contains("GraniteForCausalLM"), refused.problem());
        assertTrue(refused.problem().contains("closest is LlamaForCausalLM"), refused.problem());
        assertTrue(refused.problem().contains("embedding_multiplier 12.0"), refused.problem());
    }

    @Test
    void anUnknownClassThatReadsLikeAKnownOneIsNotGuessedEither() {
        JsonObject lookalike = Json.parse("""
                        {"architectures": ["XyzzyForCausalLM"], "vocab_size": 96, "hidden_size": 32,
                         "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4}
                        """, "config.json").asObject();

        BowlineException refused = assertThrows(BowlineException.class, () -> Families.of(lookalike));

        assertTrue(refused.problem().contains("closest is LlamaForCausalLM"), refused.problem());
        assertTrue(refused.problem().contains("only in the name of the class"), refused.problem());
    }

    private static List<Path> referenceFiles() throws IOException {
        Path root = Golden.directory("families", "").getParent();
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(file -> file.endsWith("reference.json")).toList();
        }
    }
}
