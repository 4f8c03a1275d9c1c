package dev.bowline.safetensors;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// A header that is whole and true opens; any other is refused by name before a tensor's byte is read.
class SafetensorsFileTest {

    @TempDir
    Path directory;

    @Test
    void aFileIsReadAsItsHeaderSays() throws IOException {
        Path path = file("""
                {"__metadata__": {"format": "pt", "b": "2"},
                 "second": {"dtype": "F32", "shape": [2, 1], "data_offsets": [4, 12]},
                 "first": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]},
                 "empty": {"dtype": "I64", "shape": [0, 7], "data_offsets": [12, 12]},
                 "scalar": {"dtype": "U8", "shape": [], "data_offsets": [12, 13]}}   """, 13);

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(path, file.path());
            assertEquals(
                    List.of("first", "second", "empty", "scalar"),
                    List.copyOf(file.entries().keySet()));
            assertEquals(Map.of("format", "pt", "b", "2"), file.metadata());
            assertEquals(new TensorEntry("second", SafetensorsType.F32, List.of(2L, 1L), 4, 12), file.entry("second"));
            assertEquals(2, file.entry("second").elements());
            assertEquals(1, file.entry("scalar").elements());
            assertEquals(0, file.bytes("empty").byteSize());
            assertArrayEquals(new byte[] {1, 2, 3, 4}, file.bytes("first").toArray(JAVA_BYTE));
            assertArrayEquals(new byte[] {13}, file.bytes("scalar").toArray(JAVA_BYTE));
            assertEquals(Files.size(path), file.header().fileBytes());
        }
    }

    @Test
    void theHeaderAloneIsTheSameHeader() throws IOException {
        Path path = file("{\"a\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3);

        SafetensorsHeader header = SafetensorsFile.readHeader(path);

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(file.header(), header);
        }
    }

    @Test
    void aFileMayHoldNoTensors() throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(file("{}", 0))) {
            assertTrue(file.entries().isEmpty());
            assertTrue(file.metadata().isEmpty());
        }
    }

    @ParameterizedTest
    @EnumSource(SafetensorsType.class)
    void everyTypeHasItsSize(SafetensorsType type) throws IOException {
        int bytes = 3 * type.bytes();
        String header = "{\"t\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}";

        try (SafetensorsFile file = SafetensorsFile.open(file(header.formatted(type, bytes), bytes))) {
            assertEquals(type, file.entry("t").type());
            assertEquals(bytes, file.bytes("t").byteSize());
        }
    }

    @Test
    void bytesCanBeCopiedIntoTheCallersMemory() throws IOException {
        Path path = file(
                "{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                        + "\"b\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[2,5]}}",
                5);
        byte[] whole = new byte[3];
        byte[] part = new byte[2];

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            file.copy("b", 0, MemorySegment.ofArray(whole));
            file.copy("b", 1, MemorySegment.ofArray(part));

            assertThrows(IllegalArgumentException.class, () -> file.copy("a", 0, MemorySegment.ofArray(whole)));
            assertThrows(IllegalArgumentException.class, () -> file.copy("b", 2, MemorySegment.ofArray(part)));
            assertThrows(IllegalArgumentException.class, () -> file.copy("b", -1, MemorySegment.ofArray(part)));
        }
        assertArrayEquals(new byte[] {3, 4, 5}, whole);
        assertArrayEquals(new byte[] {4, 5}, part);
    }

    @Test
    void aTensorBeyondTwoGibibytesIsReadWhereItLies() throws IOException {
        Path path = directory.resolve("large.safetensors");
        long elements = 700_000_000L;
        long bytes = 4 * elements;
        byte[] start = HandBuilt.bytes(
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[%d,100],\"data_offsets\":[0,%d]}}"
                        .formatted(elements / 100, bytes),
                new byte[0]);
        try (RandomAccessFile sparse = new RandomAccessFile(path.toFile(), "rw")) {
            sparse.write(start);
            sparse.setLength(start.length + bytes);
            sparse.seek(start.length + bytes - 4);
            sparse.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(2.5f)
                    .array());
        }

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(elements, file.entry("w").elements());
            assertEquals(2.5f, file.bytes("w").get(JAVA_FLOAT_UNALIGNED, bytes - 4));
        }
    }

    @Test
    void segmentsEndWithTheirFile() throws IOException {
        SafetensorsFile file =
                SafetensorsFile.open(file("{\"a\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3));
        MemorySegment bytes = file.bytes("a");
        assertTrue(bytes.isReadOnly());

        file.close();

        assertThrows(IllegalStateException.class, () -> bytes.get(JAVA_BYTE, 0));
    }

    @Test
    void anUnknownNameIsRefusedWithItsNeighbours() throws IOException {
        Path path = file("{\"lm_head.weight\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3);

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertProblem("nearest: 'lm_head.weight'", () -> file.bytes("lm_haed.weight"));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},'b':{'dtype':'U8','shape':[4],'data_offsets':[3,7]}}"
                        + "|7|'b' overlaps 'a' by 1 bytes",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},'b':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}"
                        + "|4|overlaps",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},'b':{'dtype':'U8','shape':[2],'data_offsets':[5,7]}}"
                        + "|7|'b' leaves a gap of 1 bytes after 'a'",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[2,6]}}|6|gap of 2 bytes after the header",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}|3|not a whole safetensors file",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}|6|2 bytes at its end belong to no tensor",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[4,0]}}|4|claims the bytes 4 to 0",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[-4,0]}}|4|claims the bytes -4 to 0",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,4]}}|4|needs 16 bytes, but claims 4",
                "{'a':{'dtype':'U8','shape':[-4],'data_offsets':[0,4]}}|4|impossible shape [-4]",
                "{'a':{'dtype':'U8','shape':[-2,-2],'data_offsets':[0,4]}}|4|impossible shape",
                "{'a':{'dtype':'U8','shape':[4294967296,4294967296],'data_offsets':[0,0]}}|0|impossible shape",
                "{'a':{'dtype':'F64','shape':[2305843009213693952],'data_offsets':[0,0]}}|0|impossible shape",
                "{'a':{'dtype':'U8','shape':[18446744073709551616],'data_offsets':[0,0]}}|0|whole number from",
                "{'a':{'dtype':'U8','shape':[1.0],'data_offsets':[0,1]}}|1|expected a whole number for 'a.shape[0]'",
                "{'a':{'dtype':'U8','shape':4,'data_offsets':[0,4]}}|4|expected an array",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4,8]}}|4|expected [begin, end]",
                "{'a':{'dtype':'U8','shape':[4]}}|4|no 'data_offsets'",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4],'strides':[1]}}|4|unknown field 'strides'",
                "{'a':{'dtype':'F4','shape':[4],'data_offsets':[0,2]}}|2|has the dtype 'F4'",
                "{'a':{'dtype':'f32','shape':[1],'data_offsets':[0,4]}}|4|has the dtype 'f32'",
                "{'a':[1]}|0|expected an object for 'a'",
                "{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},'a':{'dtype':'U8','shape':[1],'data_offsets':[1,2]}}"
                        + "|2|the key 'a' occurs twice",
                "{'__metadata__':{'n':3}}|0|expected a string for '__metadata__.n'",
                "{'__metadata__':'pt'}|0|expected an object for '__metadata__'",
                "{'a':|0|ends in the middle",
                "{} {}|0|more text after the end",
                "{'a':{'dtype':'U8','shape':[[[4]]],'data_offsets':[0,4]}}|4|nested more than 3 deep"
            })
    void aHeaderThatLiesIsRefused(String header, int dataBytes, String problem) throws IOException {
        Path path = file(header.replace('\'', '"'), dataBytes);

        assertProblem(problem, () -> SafetensorsFile.open(path));
        assertProblem(problem, () -> SafetensorsFile.readHeader(path));
    }

    @Test
    void aFileCutAnywhereIsRefused() throws IOException {
        Path path = file("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16);
        byte[] whole = Files.readAllBytes(path);

        for (int length = 0; length < whole.length; length++) {
            Files.write(path, Arrays.copyOf(whole, length));

            assertProblem("model.safetensors is not a", () -> SafetensorsFile.open(path));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "version https://git-lfs.github.com/spec/v1 oid sha256:4d7a2 size 12345|a Git LFS pointer",
                "<!DOCTYPE html><html><body>Not Found</body></html>|a web page",
                "GGUF0000000000000000000000|a GGUF file",
                "{\"metadata\": {\"total_size\": 3}, \"weight_map\": {}}|JSON text",
                "some other text, long enough for a header|claims 7526763062174248819 bytes, and the format allows"
            })
    void aFileOfAnotherKindIsCalledWhatItIs(String content, String problem) throws IOException {
        Path path = Files.writeString(directory.resolve("model.safetensors"), content);

        assertProblem(problem, () -> SafetensorsFile.open(path));
    }

    @Test
    void aPickleIsNeverOpened() throws IOException {
        byte[] zip = "PK\3\4\24\0\10\10\0\0\0\0\0\0\0\0model/data.pkl".getBytes(StandardCharsets.ISO_8859_1);
        byte[] pickle = {(byte) 0x80, 2, (byte) 0x8a, 10, 'l', (byte) 0xfc, (byte) 0x9c, 'F', (byte) 0xf9, ' ', 'j'};

        assertProblem("Bowline never opens those", () -> SafetensorsFile.open(bytes(zip)));
        assertProblem("a PyTorch pickle: Bowline never opens those", () -> SafetensorsFile.open(bytes(pickle)));
    }

    @Test
    void aHeaderOf640BytesIsNotTakenForAPickle() throws IOException {
        String header = "{}" + " ".repeat(638);

        try (SafetensorsFile file = SafetensorsFile.open(file(header, 0))) {
            assertTrue(file.entries().isEmpty());
        }
    }

    @Test
    void aHeaderBeyondTheFormatsLimitIsRefusedUnread() throws IOException {
        Path path = directory.resolve("model.safetensors");
        try (RandomAccessFile sparse = new RandomAccessFile(path.toFile(), "rw")) {
            sparse.write(ByteBuffer.allocate(9)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(100_000_001)
                    .put((byte) '{')
                    .array());
            sparse.setLength(200_000_000);
        }

        assertProblem(
                "its header claims 100000001 bytes, and the format allows 100000000", () -> SafetensorsFile.open(path));
    }

    @Test
    void aMissingFileAndADirectoryAreSaid() {
        assertProblem("there is no file", () -> SafetensorsFile.open(directory.resolve("absent.safetensors")));
        assertProblem("is a directory", () -> SafetensorsFile.readHeader(directory));
    }

    @Test
    void anEntryThatContradictsItselfIsTheCallersBug() {
        assertThrows(
                IllegalArgumentException.class, () -> new TensorEntry("t", SafetensorsType.F32, List.of(2L), 0, 7));
        assertFalse(new TensorEntry("t", SafetensorsType.F32, List.of(2L), 0, 8)
                .shape()
                .isEmpty());
    }

    private Path file(String header, int dataBytes) throws IOException {
        return HandBuilt.file(directory.resolve("model.safetensors"), header, dataBytes);
    }

    private Path bytes(byte[] content) throws IOException {
        return Files.write(directory.resolve("pytorch_model.bin"), content);
    }

    private static void assertProblem(String expected, Executable action) {
        BowlineException refused = assertThrows(BowlineException.class, action);
        assertTrue(refused.problem().contains(expected), refused.problem());
    }
}
