package dev.bowline.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.bowline.safetensors.TensorBytes;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A GGUF file has the bytes that gguf-py writes for the same content.
class GgufFileTest {

    private static final Path FIXTURE = Path.of("src/test/resources/fixtures/gguf/written.gguf");

    @TempDir
    private Path temporary;

    private static GgufFile content() {
        SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
        metadata.put("general.architecture", new GgufValue.Text("llama"));
        metadata.put("general.type", new GgufValue.Text("adapter"));
        metadata.put("adapter.lora.alpha", new GgufValue.Real(16.5f));
        metadata.put("llama.block_count", new GgufValue.Unsigned(3_000_000_000L));
        metadata.put("tokenizer.ggml.add_space_prefix", new GgufValue.Flag(false));
        metadata.put("tokenizer.ggml.tokens", new GgufValue.Texts(List.of("<s>", "é", "")));
        metadata.put("tokenizer.ggml.token_type", new GgufValue.Integers(List.of(3, -1, 1)));
        metadata.put("tokenizer.ggml.scores", new GgufValue.Reals(List.of(0.5f, -2.0f)));
        return new GgufFile(
                metadata,
                List.of(
                        new GgufTensor("blk.0.attn_q.weight.lora_a", GgufType.F32, List.of(2L, 5L), floats(10, 4)),
                        new GgufTensor("blk.0.attn_q.weight.lora_b", GgufType.F16, List.of(3L, 2L), halves(6, 8)),
                        new GgufTensor("blk.0.attn_norm.weight", GgufType.F32, List.of(8L), minusThree())));
    }

    private static TensorBytes floats(int count, float divisor) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            bytes.putFloat(i / divisor);
        }
        return TensorBytes.of(MemorySegment.ofArray(bytes.array()));
    }

    private static TensorBytes halves(int count, float divisor) {
        ByteBuffer bytes = ByteBuffer.allocate(2 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            bytes.putShort(Float.floatToFloat16(i / divisor));
        }
        return TensorBytes.of(MemorySegment.ofArray(bytes.array()));
    }

    private static TensorBytes minusThree() {
        ByteBuffer bytes = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            bytes.putFloat(-3);
        }
        return TensorBytes.of(MemorySegment.ofArray(bytes.array()));
    }

    @Test
    void theBytesAreThoseOfGgufPy() throws IOException {
        Path file = temporary.resolve("ours.gguf");

        content().write(file);

        assertArrayEquals(Files.readAllBytes(FIXTURE), Files.readAllBytes(file));
        assertEquals(Files.size(FIXTURE), content().bytes());
    }

    @Test
    void aSourceOfTheWrongLengthLeavesNoFile() {
        Path file = temporary.resolve("short.gguf");
        GgufFile wrong = new GgufFile(
                new LinkedHashMap<>(), List.of(new GgufTensor("a", GgufType.F32, List.of(3L), floats(2, 1))));

        assertThrows(IllegalArgumentException.class, () -> wrong.write(file));

        assertFalse(Files.exists(file));
    }

    @Test
    void aNameTwiceIsRefused() {
        GgufTensor tensor = new GgufTensor("a", GgufType.F32, List.of(2L), floats(2, 1));

        assertThrows(
                IllegalArgumentException.class, () -> new GgufFile(new LinkedHashMap<>(), List.of(tensor, tensor)));
    }
}
