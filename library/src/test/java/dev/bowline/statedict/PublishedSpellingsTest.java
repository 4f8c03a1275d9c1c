package dev.bowline.statedict;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The rule vocabulary is enough for every spelling that Gemma 4 checkpoints have been seen in.
class PublishedSpellingsTest {

    private static final Set<String> TIED = Set.of("lm_head.weight");
    private static final List<WeightRule> TOWERS = List.of(
            new WeightRule.PassThrough("model.vision_tower.{rest}", "vision tower"),
            new WeightRule.PassThrough("model.embed_vision.{rest}", "vision tower"),
            new WeightRule.PassThrough("model.audio_tower.{rest}", "audio tower"),
            new WeightRule.PassThrough("model.embed_audio.{rest}", "audio tower"));

    @ParameterizedTest
    @CsvSource({
        "moe_tied, 0, 0",
        "moe_legacy_keys, 0, 0",
        "e2b_hub, 9, 0",
        "text_only, 0, 0",
        "text_only_prefix, 0, 0",
        "with_towers, 0, 116",
        "moe_untied, 0, 0"
    })
    void everyKeyIsExplainedAndSavedUnderItsOwnName(String checkpoint, int ignored, int passedThrough)
            throws Exception {
        JsonObject reference = Json.parse(fixture(checkpoint, "reference.json")).asObject();
        List<String> keys = List.copyOf(SafetensorsFile.readHeader(fixture(checkpoint, "model.safetensors"))
                .entries()
                .keySet());
        List<String> slots = reference.requireArray("state_dict").arrays().stream()
                .map(row -> row.get(0).asString())
                .filter(name ->
                        !name.contains("_tower.") && !name.contains("embed_vision") && !name.contains("embed_audio"))
                .toList();

        KeyMap map = KeyMap.of(rules(slots), keys, slots);

        map.requireExplained(checkpoint, TIED);
        assertEquals(ignored, map.ignored().size());
        assertEquals(passedThrough, map.passedThrough().size());
        Set<String> saved = new LinkedHashSet<>(map.ignored().keySet());
        saved.addAll(map.passedThrough().keySet());
        slots.stream()
                .filter(slot -> !map.empty().contains(slot))
                .map(map::keyOf)
                .forEach(saved::add);
        assertEquals(new LinkedHashSet<>(keys), saved);
        assertTrue(slots.size() >= 50, "only " + slots.size() + " slots");
    }

    /// As a family would state them for its class.
    private static List<WeightRule> rules(List<String> slots) {
        boolean textOnly = slots.contains("model.embed_tokens.weight");
        String decoder = textOnly ? "model." : "model.language_model.";
        List<WeightRule> rules = new ArrayList<>(TOWERS);
        if (textOnly) {
            rules.add(new WeightRule.Rename("model.language_model.{rest}", "model.{rest}"));
        }
        rules.add(new WeightRule.Rename(
                decoder + "layers.{}.moe.per_expert_scale", decoder + "layers.{}.router.per_expert_scale"));
        rules.add(new WeightRule.Rename(decoder + "layers.{}.moe.{rest}", decoder + "layers.{}.experts.{rest}"));
        for (String dead : List.of("k_proj", "v_proj", "k_norm")) {
            rules.add(new WeightRule.Ignore(
                    decoder + "layers.{}.self_attn." + dead + ".weight", "the layer uses another's keys and values"));
        }
        return rules;
    }

    private static Path fixture(String checkpoint, String name) throws IOException, URISyntaxException {
        String path = "/fixtures/gemma4/" + checkpoint + "/" + name;
        return Path.of(Objects.requireNonNull(PublishedSpellingsTest.class.getResource(path), path)
                .toURI());
    }
}
