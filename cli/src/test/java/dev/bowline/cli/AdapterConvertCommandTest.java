package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `adapter convert` writes a whole adapter, or refuses with the place of the problem and writes nothing.
class AdapterConvertCommandTest {

    private static final Path FIXTURES = Path.of("..", "library", "src", "test", "resources", "fixtures");
    private static final Path LINEAR = FIXTURES.resolve("adapters").resolve("llama_linear");
    private static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapter_model.safetensors";

    @TempDir
    Path directory;

    @Test
    void aConversionIsTold() {
        Path source = FIXTURES.resolve("adapters").resolve("qwen3moe_experts_split");
        Path base = FIXTURES.resolve("families").resolve("qwen3moe").resolve("normalised");

        Ran ran = Ran.bowline(
                        "adapter", "convert", source.toString(), "--base", base.toString(), "--out", out().toString())
                .succeeded();

        assertTrue(ran.out().contains("read 72 tensors"), ran.out());
        assertTrue(ran.out().contains("wrote 32 tensors"), ran.out());
        assertTrue(Files.exists(out().resolve(CONFIG)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "peft_type | \"IA3\" | IA3",
                "r | 0 | a rank is at least 1",
                "r | 3 | the rank 3",
                "lora_alpha | 0 | no effect",
                "lora_alpha | \"8\" | expected a number",
                "lora_dropout | 1.5 | lora_dropout' is 1.5",
                "target_modules | \"(\" | no regular expression",
                "rank_pattern | {\"q_proj\": 2} | the rank 2",
                "use_dora | true | lora_magnitude_vector",
                "bias | \"all\" | biases of the base",
                "fan_in_fan_out | true | [in, out]",
                "lora_bias | true | lora_B has a bias",
                "layer_replication | [[0, 2]] | layers of the base are repeated",
                "use_qalora | true | QA-LoRA",
                "use_bdlora | {\"nblocks\": 2} | block-diagonal",
                "arrow_config | {\"top_k\": 2} | Arrow",
                "alora_invocation_tokens | [3] | aLoRA",
                "megatron_config | {\"a\": 1} | Megatron",
                "loftq_config | {\"loftq_bits\": 4} | LoftQ",
                "kasa_config | {\"beta\": 1} | KaSA",
                "monteclora_config | {\"num_samples\": 8} | MonteCLoRA",
                "init_lora_weights | \"pissa_niter_4\" | changes the base's weights",
                "lora_alfa | 16 | no key that Bowline knows"
            })
    void aKeyWithAnEffectIsRefusedByName(String key, String value, String expected) throws IOException {
        Path adapter = changed(Json.parse(LINEAR.resolve(CONFIG)).asObject().with(key, Json.parse(value, "the test")));

        assertRefused(adapter, expected);
    }

    @ParameterizedTest
    @CsvSource({
        "init_lora_weights, '\"eva\"'",
        "eva_config, '{\"rho\": 2.0}'",
        "revision, '\"main\"'",
        "layer_replication, 'null'",
        "newer_key, 'null'",
        "newer_flag, 'false'"
    })
    void aKeyWithoutAnEffectIsKept(String key, String value) throws IOException {
        JsonValue given = Json.parse(value, "the test");
        Path adapter = changed(Json.parse(LINEAR.resolve(CONFIG)).asObject().with(key, given));

        Ran.bowline("adapter", "convert", adapter.toString(), "--out", out().toString())
                .succeeded();

        assertEquals(given, Json.parse(out().resolve(CONFIG)).asObject().require(key));
    }

    @Test
    void aPickleIsRefused() throws IOException {
        Path adapter = changed(Json.parse(LINEAR.resolve(CONFIG)).asObject());
        Files.delete(adapter.resolve(WEIGHTS));
        Files.writeString(adapter.resolve("adapter_model.bin"), "not read");

        assertRefused(adapter, "pickle");
    }

    @Test
    void aDirectoryWithoutAnAdapterIsRefused() throws IOException {
        assertRefused(directory.resolve("nowhere"), "is not there");
        assertRefused(Files.createDirectory(directory.resolve("empty")), "no adapter_config.json");
        assertRefused(LINEAR.resolve(CONFIG), "not a directory");
    }

    @Test
    void aFileThatWasCutIsRefused() throws IOException {
        Path adapter = changed(Json.parse(LINEAR.resolve(CONFIG)).asObject());
        byte[] bytes = Files.readAllBytes(adapter.resolve(WEIGHTS));
        Files.write(adapter.resolve(WEIGHTS), Arrays.copyOf(bytes, bytes.length - 100));

        assertRefused(adapter, WEIGHTS);
    }

    @Test
    void aValueThatIsNoNumberIsNamed() throws IOException {
        Path adapter = changed(Json.parse(LINEAR.resolve(CONFIG)).asObject());
        byte[] bytes = Files.readAllBytes(adapter.resolve(WEIGHTS));
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(bytes.length - Float.BYTES, Float.NaN);
        Files.write(adapter.resolve(WEIGHTS), bytes);

        assertRefused(adapter, "NaN");
    }

    @Test
    void aTensorWithoutItsOtherHalfIsNamed() throws IOException {
        Path adapter = changed(Json.parse(LINEAR.resolve(CONFIG)).asObject());
        rename(adapter, "layers.0.self_attn.q_proj.lora_B.weight", "layers.0.self_attn.q_prox.lora_B.weight");

        assertRefused(adapter, "without B");
    }

    @Test
    void aKeyThatIsNoneIsNamed() throws IOException {
        Path adapter = changed(Json.parse(LINEAR.resolve(CONFIG)).asObject());
        rename(adapter, "layers.0.self_attn.q_proj.lora_B.weight", "layers.0.self_attn.q_proj.lora_C.weight");

        assertRefused(adapter, "no key of a LoRA adapter");
    }

    @Test
    void aDirectoryWithContentIsNotWrittenInto() throws IOException {
        Files.createDirectory(out());
        Files.writeString(out().resolve("mine.txt"), "mine");

        Ran ran = Ran.bowline("adapter", "convert", LINEAR.toString(), "--out", out().toString());

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("is not empty"), ran.err());
    }

    @Test
    void theGroupNamesItsCommands() {
        Ran ran = Ran.bowline("adapter");

        assertEquals(ExitCode.USAGE, ran.exitCode());
        assertTrue(ran.err().contains("there are convert"), ran.err());
    }

    private void assertRefused(Path adapter, String expected) {
        Ran ran = Ran.bowline("adapter", "convert", adapter.toString(), "--out", out().toString());

        assertEquals(ExitCode.REFUSED, ran.exitCode(), ran.err());
        assertTrue(ran.err().contains(expected), ran.err());
        assertTrue(ran.err().contains("fix:"), ran.err());
        assertFalse(ran.err().contains("\tat "), ran.err());
        assertEquals("", ran.out());
        assertFalse(Files.exists(out()));
    }

    private Path out() {
        return directory.resolve("out");
    }

    private Path changed(JsonObject config) throws IOException {
        Path adapter = Files.createDirectory(directory.resolve("adapter"));
        Files.copy(LINEAR.resolve(WEIGHTS), adapter.resolve(WEIGHTS));
        Files.writeString(adapter.resolve(CONFIG), Json.pretty(config));
        return adapter;
    }

    /// Replaces a part of a tensor's name by one of the same length.
    private static void rename(Path adapter, String before, String after) throws IOException {
        Path file = adapter.resolve(WEIGHTS);
        String text = Files.readString(file, StandardCharsets.ISO_8859_1);
        Files.writeString(file, text.replace(before, after), StandardCharsets.ISO_8859_1);
    }
}
