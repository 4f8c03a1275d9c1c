package dev.bowline.adapter.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Bowline reads the adapters that PEFT 0.21 writes, and writes the same files.
class AdapterFilesTest {

    @TempDir
    Path directory;

    static List<String> adapters() {
        return AdapterFixtures.ofPeft021();
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void anAdapterOfPeftIsWrittenAgainAsPeftWroteIt(String name) throws Exception {
        Path written = directory.resolve(name);
        try (AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory(name))) {
            AdapterRecord record = AdapterRecord.of(
                    files.json().requireString("base_model_name_or_path"),
                    new BaseIdentity(new LinkedHashMap<>()),
                    files.config().tieMode());
            List<TensorSource> tensors =
                    files.tensors().keySet().stream().map(files::source).toList();

            AdapterFiles.write(written, files.config(), record, tensors);
        }

        assertEquals(settings(AdapterFixtures.directory(name)), settings(written));
        try (SafetensorsFile before = SafetensorsFile.open(weights(AdapterFixtures.directory(name)));
                SafetensorsFile after = SafetensorsFile.open(weights(written))) {
            assertEquals(before.entries(), after.entries());
            for (String key : before.entries().keySet()) {
                assertEquals(-1, before.bytes(key).mismatch(after.bytes(key)), key);
            }
            assertEquals("pt", after.metadata().get("format"));
        }
        try (var entries = Files.list(written)) {
            assertEquals(2, entries.count());
        }
    }

    /// The keys in which the same settings have two spellings are compared by their meaning.
    private static JsonObject settings(Path adapter) {
        JsonObject json = Json.parse(adapter.resolve("adapter_config.json")).asObject();
        for (String key :
                List.of("layers_pattern", "layers_to_transform", "target_modules", "trainable_token_indices")) {
            json = json.without(key);
        }
        return json;
    }

    private static Path weights(Path adapter) {
        return adapter.resolve("adapter_model.safetensors");
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void theSettingsChooseTheModulesThatPeftAdapted(String name) {
        try (AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory(name));
                WeightFiles base = WeightFiles.open(AdapterFixtures.base(name))) {
            LoraConfig config = files.config();
            Set<String> adapted = new TreeSet<>();
            files.keys().values().stream()
                    .filter(key -> key.part() == AdapterKey.Part.LORA_A && !key.isExperts())
                    .forEach(key -> adapted.add(key.plainModule()));
            Set<String> chosen = new TreeSet<>();
            base.entries().values().stream()
                    .filter(entry ->
                            entry.name().endsWith(".weight") && entry.shape().size() == 2)
                    .map(entry -> entry.name().replaceAll("\\.weight$", ""))
                    .filter(module -> !module.endsWith("embed_tokens")
                            && !module.contains(".experts.")
                            && (config.targetModules().matches(module)
                                            && !config.excludeModules().matches(module)
                                    || ModulePatterns.Named.matches("gate", module)
                                            && config.targetParameters().contains("gate.weight")))
                    .forEach(chosen::add);
            if (name.equals("llama_head") || name.equals("llama_shared")) {
                chosen.add("lm_head");
            }

            assertEquals(adapted, chosen);
        }
    }

    @Test
    void theRecordIsInTheFileThatAUserCopies() {
        Path written = directory.resolve("adapter");
        BaseIdentity identity;
        try (WeightFiles base = WeightFiles.open(AdapterFixtures.base("llama_linear"))) {
            identity = BaseIdentity.of(base);
        }
        AdapterRecord record = new AdapterRecord("some/base", identity, TieMode.UNTIE, "1.2.3");
        try (AdapterFiles files = AdapterFiles.open(AdapterFixtures.directory("llama_head"))) {
            AdapterFiles.write(
                    written,
                    files.config(),
                    record,
                    files.tensors().keySet().stream().map(files::source).toList());
            assertEquals(Optional.empty(), files.record());
        }

        try (AdapterFiles files = AdapterFiles.open(written)) {
            assertEquals(Optional.of(record), files.record());
            assertEquals(TieMode.UNTIE, files.config().tieMode());
            assertTrue(files.json().requireString("base_model_name_or_path").equals("some/base"));
        }
    }
}
