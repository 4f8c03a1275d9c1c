package dev.bowline.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A file of gguf-py is read with its values; a damaged file is an error that says where.
class MappedGgufTest {

    private static final Path FIXTURE = Path.of("src/test/resources/fixtures/gguf/written.gguf");

    @TempDir
    private Path temporary;

    @Test
    void aFileOfGgufPyIsRead() {
        try (MappedGguf file = MappedGguf.open(FIXTURE)) {
            assertEquals(new GgufValue.Text("llama"), file.metadata().get("general.architecture"));
            assertEquals(new GgufValue.Real(16.5f), file.metadata().get("adapter.lora.alpha"));
            assertEquals(new GgufValue.Unsigned(3_000_000_000L), file.metadata().get("llama.block_count"));
            assertEquals(
                    new GgufValue.Texts(List.of("<s>", "é", "")),
                    file.metadata().get("tokenizer.ggml.tokens"));
            assertEquals(
                    new GgufValue.Integers(List.of(3, -1, 1)), file.metadata().get("tokenizer.ggml.token_type"));
            MappedGguf.Tensor first = Objects.requireNonNull(file.tensors().get("blk.0.attn_q.weight.lora_a"));
            assertEquals(List.of(2L, 5L), first.shape());
            assertArrayEquals(
                    new float[] {0, 0.25f, 0.5f},
                    first.bytes()
                            .asSlice(0, 12)
                            .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN)));
            MappedGguf.Tensor second = Objects.requireNonNull(file.tensors().get("blk.0.attn_q.weight.lora_b"));
            assertEquals(GgufType.F16, second.type());
            assertEquals(12, second.bytes().byteSize());
        }
    }

    @Test
    void aFileThatEndsAnywhereIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(FIXTURE);
        int end = whole.length - 32;
        for (int length = 0; length < end; length += 7) {
            Path cut = write(Arrays.copyOf(whole, length));
            assertThrows(BowlineException.class, () -> MappedGguf.open(cut).close(), "at " + length);
        }
    }

    /// A changed byte is an error of the format, or another value; it is no other failure.
    @Test
    void aChangedByteOfTheHeaderIsNoFailureOfTheReader() throws IOException {
        byte[] whole = Files.readAllBytes(FIXTURE);
        int refused = 0;
        for (int at = 0; at < 400; at++) {
            byte[] changed = whole.clone();
            changed[at] ^= (byte) 0xFF;
            try (MappedGguf file = MappedGguf.open(write(changed))) {
                assertTrue(file.tensors().size() <= 3);
            } catch (BowlineException e) {
                refused++;
            }
        }
        assertTrue(refused > 100, () -> "most changes of lengths are refused");
    }

    @Test
    void aNumberOfTensorsBeyondTheFileIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(FIXTURE);
        ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).putLong(8, Long.MAX_VALUE);
        Path changed = write(whole);

        BowlineException e = assertThrows(BowlineException.class, () -> MappedGguf.open(changed));

        assertTrue(e.problem().contains("the number of tensors as 9223372036854775807"), e.problem());
    }

    @Test
    void anotherFormatIsRefused() throws IOException {
        Path text = write("{\"format\": \"json\"}".getBytes(StandardCharsets.UTF_8));

        BowlineException e = assertThrows(BowlineException.class, () -> MappedGguf.open(text));

        assertTrue(e.problem().contains("is no GGUF file"), e.problem());
    }

    private Path write(byte... bytes) throws IOException {
        return Files.write(temporary.resolve("file.gguf"), bytes);
    }
}
