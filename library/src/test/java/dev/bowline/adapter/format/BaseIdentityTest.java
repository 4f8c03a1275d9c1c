package dev.bowline.adapter.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.safetensors.WeightFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A base that differs in one value is told by the tensor with that value.
class BaseIdentityTest {

    private static final String FILE = "model.safetensors";

    @TempDir
    Path directory;

    @Test
    void oneChangedByteIsNamedByItsTensor() throws IOException {
        Path base = AdapterFixtures.base("llama_linear");
        byte[] bytes = Files.readAllBytes(base.resolve(FILE));
        bytes[bytes.length - 1] ^= 1;
        Files.write(directory.resolve(FILE), bytes);
        BaseIdentity original = identity(base);
        BaseIdentity changed = identity(directory);

        BowlineException refusal = assertThrows(
                BowlineException.class,
                () -> AdapterRecord.of("the/base", original, TieMode.UNCHOSEN).requireBase("mine", changed));

        assertNotEquals(original.hash(), changed.hash());
        assertTrue(refusal.problem().contains("'" + last(base) + "'"), refusal.problem());
        assertTrue(refusal.problem().contains("the/base"), refusal.problem());
    }

    private static BaseIdentity identity(Path directory) {
        try (WeightFiles weights = WeightFiles.open(directory)) {
            return BaseIdentity.of(weights);
        }
    }

    private static String last(Path directory) {
        try (WeightFiles weights = WeightFiles.open(directory)) {
            return weights.entries().lastEntry().getKey();
        }
    }

    @Test
    void aTensorThatOneOfThemLacksIsNoDifferenceAndNoCommonTensorIsOne() {
        BaseIdentity both = of("embed", "F32 [1] 00000001", "head", "F32 [1] 00000001");
        BaseIdentity tied = of("embed", "F32 [1] 00000001");

        assertEquals(Optional.empty(), both.difference(tied));
        assertEquals(Optional.empty(), tied.difference(both));
        assertEquals(
                Optional.of(new BaseIdentity.Difference.NoCommonKey()),
                both.difference(of("other", "F32 [1] 00000001")));
    }

    private static BaseIdentity of(String... texts) {
        SequencedMap<String, String> tensors = new LinkedHashMap<>();
        for (int i = 0; i < texts.length; i += 2) {
            tensors.put(texts[i], texts[i + 1]);
        }
        return new BaseIdentity(tensors);
    }

    @Test
    void aShortTargetSelectsTheChosenModulesAndNoOther() {
        List<String> all = List.of(
                "model.layers.0.self_attn.q_proj",
                "model.layers.1.self_attn.q_proj",
                "model.vision.0.self_attn.q_proj",
                "model.layers.0.mlp.up_proj",
                "model.layers.1.mlp.up_proj",
                "lm_head");

        assertEquals(
                List.of("lm_head", "up_proj"),
                TargetNames.shortest(
                        List.of("lm_head", "model.layers.0.mlp.up_proj", "model.layers.1.mlp.up_proj"), all));
        assertEquals(
                List.of("1.self_attn.q_proj", "layers.0.self_attn.q_proj"),
                TargetNames.shortest(all.subList(0, 2), all));
    }
}
