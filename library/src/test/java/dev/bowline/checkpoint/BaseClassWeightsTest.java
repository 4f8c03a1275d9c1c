package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Families;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.JsonArray;
import dev.bowline.model.Architecture;
import dev.bowline.model.TiedWeights;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.tensor.HostTensors;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Weights that were saved from the base class, without `model.` in front of their names, are the causal language
/// model's, as in transformers 5.18.0; their names are kept by a save. Frequencies of the rotation are ignored
/// wherever they stand.
class BaseClassWeightsTest {

    @TempDir
    private Path temporary;

    @ParameterizedTest
    @CsvSource({
        "families/llama, tied, LlamaModel",
        "families/qwen2, tied, Qwen2Model",
        "families/qwen3, tied, Qwen3Model",
        "families/qwen3moe, tied_old_config, Qwen3MoeModel",
        "families/mistral, tied_old_config, MistralModel",
        "families/mistral, ministral3_tied_old_config, Ministral3Model",
        "families/mistral, vl_ministral3_in_memory_names, Mistral3Model",
        "families/gemma2, tied_old_config, Gemma2Model",
        "families/gemma3, text_tied, Gemma3TextModel",
        "families/gemma3, vision_in_memory_names, Gemma3Model",
        "families/phi3, longrope_partial_tied, Phi3Model",
        "families/smollm3, tied, SmolLM3Model",
        "gemma4, text_only, Gemma4TextModel",
        "gemma4, dense_kv, Gemma4Model",
        "gemma4, with_towers, Gemma4Model",
        "gemma4, moe_tied, Gemma4Model"
    })
    void theyAreLoadedAndSavedUnderTheirOwnNames(String family, String variant, String base) throws IOException {
        Path fixture = Golden.directory(family, variant);
        Path stripped = new TinyCheckpoint(temporary.resolve("base"), fixture)
                .renamed(BaseClassWeightsTest::withoutPrefix)
                .config(config -> config.with("architectures", JsonArray.ofStrings(List.of(base))))
                .write();
        Path saved = temporary.resolve("saved");

        try (Pretrained whole = AutoModel.fromPretrained(fixture);
                Pretrained pretrained = AutoModel.fromPretrained(stripped)) {
            assertEquals(values(whole), values(pretrained));
            assertEquals(whole.model().architecture(), pretrained.model().architecture());
            assertEquals(
                    TiedWeights.hasLocalTiedLmHead(whole.model()), TiedWeights.hasLocalTiedLmHead(pretrained.model()));
            assertTrue(
                    pretrained.report().notes().getFirst().contains("without 'model.' in front of their names"),
                    pretrained.report().notes().toString());
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        Golden before = Golden.read(stripped.resolve("model.safetensors"));
        Golden after = Golden.read(saved.resolve("model.safetensors"));
        assertEquals(before.names(), after.names());
        before.names().forEach(name -> assertArrayEquals(before.bytes(name), after.bytes(name), name));
    }

    @Test
    void everyClassHasABaseClassOfItsOwn() {
        Set<String> bases = Families.all().stream().map(Architecture::base).collect(Collectors.toSet());

        assertEquals(Families.all().size(), bases.size());
        assertTrue(bases.stream().allMatch(name -> name.endsWith("Model")), new TreeSet<>(bases).toString());
    }

    /// transformers would fill the head with random numbers.
    @Test
    void aSeparateHeadThatTheBaseClassDoesNotHaveIsRefused() throws IOException {
        Path stripped = new TinyCheckpoint(temporary.resolve("base"), Golden.directory("families/llama", "biases"))
                .renamed(BaseClassWeightsTest::withoutPrefix)
                .without("lm_head.weight")
                .write();

        BowlineException refused = assertThrows(BowlineException.class, () -> AutoModel.fromPretrained(stripped));

        assertTrue(refused.problem().contains("only the input embedding"), refused.problem());
    }

    @Test
    void aKeyInBothSpellingsIsRefused() throws IOException {
        Path twice = new TinyCheckpoint(temporary.resolve("twice"), Golden.directory("families/llama", "tied"))
                .with("norm.weight", "model.norm.weight")
                .write();

        BowlineException refused = assertThrows(BowlineException.class, () -> AutoModel.fromPretrained(twice));

        assertTrue(refused.problem().contains("two spellings of slot 'model.norm.weight'"), refused.problem());
    }

    @ParameterizedTest
    @CsvSource({
        "families/mistral, windows, model.layers.0.self_attn.rotary_emb.inv_freq",
        "families/qwen3, tied, model.rotary_emb.inv_freq",
        "families/gemma3, text_tied, rotary_emb.inv_freq",
        "families/gemma3, vision_legacy, language_model.model.rotary_emb_local.inv_freq",
        "families/phi3, longrope_within, layers.1.self_attn.rotary_emb.inv_freq",
        "families/baichuan2, untied, model.layers.0.self_attn.rotary_emb.inv_freq",
        "gemma4, dense_kv, model.language_model.rotary_emb.full_attention_inv_freq"
    })
    void frequenciesOfTheRotationAreIgnoredAndKept(String family, String variant, String key) throws IOException {
        Path fixture = Golden.directory(family, variant);
        byte[] frequencies = {0, 0, (byte) 128, 63, 0, 0, 0, 63};
        Path source = new TinyCheckpoint(temporary.resolve("source"), fixture)
                .with(key, new TinyCheckpoint.Tensor(SafetensorsType.F32, List.of(2L), frequencies))
                .write();
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained = AutoModel.fromPretrained(source)) {
            assertEquals(
                    List.of(new LoadReport.Ignored(key, "computed from config.json", 8)),
                    pretrained.report().ignored().stream()
                            .filter(ignored -> ignored.key().equals(key))
                            .toList());
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        assertArrayEquals(
                frequencies, Golden.read(saved.resolve("model.safetensors")).bytes(key));
    }

    private static String withoutPrefix(String key) {
        return key.startsWith("model.") ? key.substring("model.".length()) : key;
    }

    /// A hash of the bytes of every value, by its name.
    private static Map<String, Integer> values(Pretrained pretrained) {
        Map<String, Integer> values = new HashMap<>();
        pretrained
                .model()
                .parameters()
                .forEach((name, parameter) -> values.put(
                        name,
                        Arrays.hashCode(HostTensors.bytes(parameter.value()).toArray(ValueLayout.JAVA_BYTE))));
        return values;
    }
}
