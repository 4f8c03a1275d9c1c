package dev.bowline.safetensors;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// There is the whole new file or the old one, and any reader finds in it what was given.
class SafetensorsWriterTest {

    @TempDir
    Path directory;

    @Test
    void theBytesAreTheFormatsToTheLast() throws IOException {
        Path path = directory.resolve("model.safetensors");

        WrittenFile written = SafetensorsWriter.write(
                path,
                List.of(
                        tensor("z", SafetensorsType.BF16, List.of(2L), 1, 2, 3, 4),
                        tensor("a", SafetensorsType.U8, List.of(), 5)));

        String header = "{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"z\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                + "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[4,5]}}";
        String padded = header + " ".repeat(Math.floorMod(-header.length(), 8));
        assertArrayEquals(HandBuilt.bytes(padded, new byte[] {1, 2, 3, 4, 5}), Files.readAllBytes(path));
        assertEquals(Files.size(path), written.bytes());
        assertEquals(0, SafetensorsFile.readHeader(path).dataStart() % 8);
        assertTrue(written.hashes().isEmpty());
    }

    @Test
    void whatIsWrittenIsReadBack() throws IOException {
        Path path = directory.resolve("model.safetensors");
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("lm_head.weight", "model.embed_tokens.weight");
        metadata.put("quote \" and é", "\n");

        SafetensorsWriter.write(
                path,
                List.of(
                        tensor("w.é\"", SafetensorsType.F16, List.of(1L, 2L), 9, 8, 7, 6),
                        tensor("none", SafetensorsType.F16, List.of(0L))),
                metadata,
                Set.of());

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(
                    List.copyOf(metadata.entrySet()),
                    List.copyOf(file.metadata().entrySet()));
            assertEquals(List.of("w.é\"", "none"), List.copyOf(file.entries().keySet()));
            assertArrayEquals(new byte[] {9, 8, 7, 6}, file.bytes("w.é\"").toArray(JAVA_BYTE));
            assertEquals(List.of(0L), file.entry("none").shape());
        }
    }

    @Test
    void theGivenOrderGivesWayOnlyWhereATensorWouldBeUnaligned() {
        TensorSource oneByte = tensor("byte", SafetensorsType.U8, List.of(1L), 1);
        TensorSource half = tensor("half", SafetensorsType.F16, List.of(2L), 1, 2, 3, 4);
        TensorSource word = tensor("word", SafetensorsType.F32, List.of(1L), 1, 2, 3, 4);

        assertEquals(
                List.of(half, word, oneByte),
                HeaderText.of(List.of(half, word, oneByte), Map.of()).tensors());
        assertEquals(
                List.of(word, half, oneByte),
                HeaderText.of(List.of(oneByte, half, word), Map.of()).tensors());
    }

    @Test
    void hashesAreOfTheTensorsBytesAlone() throws Exception {
        Path path = directory.resolve("model.safetensors");
        byte[] bytes = new byte[10_000_000];
        new Random(3).nextBytes(bytes);
        TensorSource pieces = new TensorSource("w", SafetensorsType.U8, List.of((long) bytes.length), sink -> {
            sink.accept(MemorySegment.ofArray(bytes).asSlice(0, 7));
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment rest = arena.allocate(bytes.length - 7);
                rest.copyFrom(MemorySegment.ofArray(bytes).asSlice(7));
                sink.accept(rest);
            }
        });

        WrittenFile written = SafetensorsWriter.write(path, List.of(pieces), Map.of(), Set.of("w", "another"));

        String expected =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        assertEquals(Map.of("w", expected), written.hashes());
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(expected, TensorHash.of(file.bytes("w")));
        }
    }

    @Test
    void aFailureLeavesTheOldFileAndNothingElse() throws IOException {
        Path path = Files.writeString(directory.resolve("model.safetensors"), "precious");
        IOException full = new IOException("No space left on device");
        TensorSource failing = new TensorSource("w", SafetensorsType.U8, List.of(100L), sink -> {
            sink.accept(MemorySegment.ofArray(new byte[50]));
            throw full;
        });

        BowlineException refused =
                assertThrows(BowlineException.class, () -> SafetensorsWriter.write(path, List.of(failing)));

        long needed = HeaderText.of(List.of(failing), SafetensorsWriter.PYTORCH_METADATA)
                        .bytes()
                        .remaining()
                + 100;
        assertSame(full, refused.getCause());
        assertEquals(
                path + " was not written, which needs " + needed + " bytes: No space left on device",
                refused.problem());
        assertEquals("precious", Files.readString(path));
        assertEquals(List.of(path), filesInDirectory());
    }

    @Test
    void aSourceThatGivesTooFewOrTooManyBytesIsTheCallersBug() throws IOException {
        Path path = directory.resolve("model.safetensors");
        for (int given : new int[] {3, 5}) {
            TensorSource wrong = new TensorSource(
                    "w", SafetensorsType.U8, List.of(4L), sink -> sink.accept(MemorySegment.ofArray(new byte[given])));

            assertThrows(IllegalArgumentException.class, () -> SafetensorsWriter.write(path, List.of(wrong)));
        }
        assertEquals(List.of(), filesInDirectory());
    }

    @Test
    void aFileMoreThanTheDiskHoldsIsRefusedBeforeItIsBegun() throws IOException {
        Path path = directory.resolve("model.safetensors");
        TensorSource vast = new TensorSource("w", SafetensorsType.F64, List.of(1L << 55), sink -> {
            throw new AssertionError("nothing should be asked for");
        });

        BowlineException refused =
                assertThrows(BowlineException.class, () -> SafetensorsWriter.write(path, List.of(vast)));

        assertTrue(refused.problem().contains("needs 288230376151711872 bytes, but its disk has "), refused.problem());
        assertEquals(List.of(), filesInDirectory());
    }

    @Test
    void aMissingDirectoryIsSaid() {
        Path path = directory.resolve("absent").resolve("model.safetensors");

        BowlineException refused = assertThrows(BowlineException.class, () -> SafetensorsWriter.write(path, List.of()));

        assertTrue(refused.problem().contains("there is no directory"), refused.problem());
    }

    @Test
    void aFileIsReplacedWhileItIsMapped() throws IOException {
        Path path = directory.resolve("model.safetensors");
        SafetensorsWriter.write(path, List.of(tensor("w", SafetensorsType.U8, List.of(3L), 1, 2, 3)));

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            SafetensorsWriter.write(
                    path, List.of(tensor("new", SafetensorsType.U8, List.of(1L), 9), TensorSource.of(file, "w")));

            assertArrayEquals(new byte[] {1, 2, 3}, file.bytes("w").toArray(JAVA_BYTE));
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertArrayEquals(new byte[] {1, 2, 3}, file.bytes("w").toArray(JAVA_BYTE));
        }
    }

    @Test
    void aNameIsUsedOnceAndNotForMetadata() {
        TensorSource w = tensor("w", SafetensorsType.U8, List.of(1L), 1);

        assertThrows(
                IllegalArgumentException.class, () -> SafetensorsWriter.write(directory.resolve("m"), List.of(w, w)));
        assertThrows(IllegalArgumentException.class, () -> tensor("__metadata__", SafetensorsType.U8, List.of(1L), 1));
        assertThrows(IllegalArgumentException.class, () -> tensor("w", SafetensorsType.U8, List.of(2L), 1));
    }

    private List<Path> filesInDirectory() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.toList();
        }
    }

    private static TensorSource tensor(String name, SafetensorsType type, List<Long> shape, int... bytes) {
        byte[] content = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            content[i] = (byte) bytes[i];
        }
        return new TensorSource(name, type, shape, MemorySegment.ofArray(content));
    }
}
