package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `inspect` says what a checkpoint is and what would become of it, from its headers.
class InspectCommandTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "moe_tied",
                "moe_untied",
                "dense_kv",
                "e2b_like",
                "e4b_like",
                "text_only",
                "text_only_untied",
                "attention_bias",
                "moe_legacy_keys",
                "text_only_prefix"
            })
    void parametersAreCountedAsTransformersCountsThem(String variant) {
        JsonObject inspection = Ran.bowline("inspect", Ran.fixture(variant).toString(), "--json")
                .succeeded()
                .json();
        JsonObject reference =
                Json.parse(Ran.fixture(variant).resolve("reference.json")).asObject();

        assertEquals(reference.requireLong("parameters_distinct"), inspection.requireLong("parameters"));
        assertEquals(
                reference.requireBoolean("tied"),
                inspection.requireObject("head").requireBoolean("tied"));
        assertTrue(inspection.requireBoolean("loads"));
    }

    @Test
    void towersArePassedThroughAndNotCounted() {
        JsonObject inspection = Ran.bowline(
                        "inspect", Ran.fixture("with_towers").toString(), "--json")
                .succeeded()
                .json();

        assertFalse(inspection.requireArray("passed_through").values().isEmpty());
        assertTrue(inspection.requireArray("components").objects().stream()
                .noneMatch(part -> part.requireString("component").contains("tower")));
        assertTrue(Ran.bowline("inspect", Ran.fixture("with_towers").toString())
                .out()
                .contains("pass through"));
    }

    @Test
    void aTensorNobodyKnowsIsARefusal(@TempDir Path directory) throws IOException {
        Path source = Ran.fixture("moe_untied");
        Files.copy(source.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        Path config = source.resolve("config.json");
        // Without experts, the experts' tensors have no place.
        JsonObject changed = Json.parse(config).asObject();
        JsonObject text = changed.requireObject("text_config").with("enable_moe_block", false);
        Files.writeString(directory.resolve("config.json"), Json.pretty(changed.with("text_config", text)));

        Ran ran = Ran.bowline("inspect", directory.toString(), "--json");

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertFalse(ran.json().requireBoolean("loads"));
        assertTrue(ran.json().requireArray("refused").toString().contains("experts.down_proj"), ran.out());
        assertTrue(ran.err().startsWith("error: "), ran.err());
    }

    /// One reason and the command that mends it, and no list of tensors.
    @Test
    void aWrappedModelIsRefusedWithTheCommandThatMendsIt(@TempDir Path directory) throws IOException {
        Path source = Ran.fixture("text_only");
        Files.copy(source.resolve("config.json"), directory.resolve("config.json"));
        try (SafetensorsFile file = SafetensorsFile.open(source.resolve("model.safetensors"))) {
            List<TensorSource> tensors = file.entries().keySet().stream()
                    .map(name -> TensorSource.of(file, name))
                    .map(tensor -> new TensorSource(
                            "module." + tensor.name(), tensor.type(), tensor.shape(), tensor.content()))
                    .toList();
            SafetensorsWriter.write(directory.resolve("model.safetensors"), tensors);
        }

        Ran refused = Ran.bowline("inspect", directory.toString());

        assertEquals(ExitCode.REFUSED, refused.exitCode());
        assertTrue(refused.err().contains("'module.' in front"), refused.err());
        assertTrue(refused.err().contains("repair %s --in-place --apply".formatted(directory)), refused.err());
        assertEquals(2, refused.err().lines().count(), refused.err());
        Ran.bowline("repair", directory.toString(), "--in-place", "--apply").succeeded();
        Ran.bowline("inspect", directory.toString()).succeeded();
    }

    @Test
    void anAdapterIsCalledOneByEveryCommand(@TempDir Path directory) throws IOException {
        Files.writeString(
                directory.resolve("adapter_config.json"),
                "{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"org/base\"}");

        for (String[] command :
                new String[][] {{"inspect", directory.toString()}, {"generate", directory.toString(), "--prompt", "a"}
                }) {
            Ran refused = Ran.bowline(command);
            assertEquals(ExitCode.REFUSED, refused.exitCode());
            assertTrue(refused.err().contains("is a PEFT adapter (LORA) of org/base"), refused.err());
            assertTrue(refused.err().contains("audit BASE --adapter " + directory), refused.err());
        }
        Ran audit = Ran.bowline("audit", directory.toString());
        assertEquals(4, audit.exitCode());
        assertTrue(audit.out().contains("audit BASE --adapter"), audit.out());
    }

    @Test
    void theTextIsReadable() {
        String text = Ran.bowline("inspect", Ran.fixture("moe_tied").toString())
                .succeeded()
                .out();

        assertTrue(text.contains("tied: lm_head.weight is the input embedding, counted once"), text);
        assertTrue(text.lines().allMatch(line -> line.length() <= 80), text);
    }
}
