package dev.bowline.safetensors;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A directory's weights are one story told by the index and by the shards, or they are refused.
class WeightFilesTest {

    private static final List<String> NAMES = List.of("a", "b", "c", "d");

    @TempDir
    Path directory;

    @Test
    void whatFitsIsOneFileWithoutAnIndex() throws IOException {
        WeightsFixture.write(directory, tensors(), 1000);

        assertEquals(List.of("model.safetensors"), names());
        try (WeightFiles weights = WeightFiles.open(directory)) {
            assertEquals(NAMES, List.copyOf(weights.entries().keySet()));
        }
    }

    @Test
    void whatDoesNotFitIsShardsWithAnIndexAndReadsAsOne() throws IOException {
        WeightsFixture.write(directory, tensors(), 8);

        assertEquals(
                List.of(
                        "model-00001-of-00002.safetensors",
                        "model-00002-of-00002.safetensors",
                        "model.safetensors.index.json"),
                names());
        assertEquals("""
                {
                  "metadata": {
                    "total_parameters": 16,
                    "total_size": 16
                  },
                  "weight_map": {
                    "a": "model-00001-of-00002.safetensors",
                    "b": "model-00001-of-00002.safetensors",
                    "c": "model-00002-of-00002.safetensors",
                    "d": "model-00002-of-00002.safetensors"
                  }
                }
                """, Files.readString(directory.resolve("model.safetensors.index.json")));
        try (WeightFiles weights = WeightFiles.open(directory)) {
            assertEquals(NAMES, List.copyOf(weights.entries().keySet()));
            assertArrayEquals(
                    new byte[] {'c', 'c', 'c', 'c'}, weights.bytes("c").toArray(JAVA_BYTE));
            byte[] copy = new byte[4];
            weights.copy("d", 0, MemorySegment.ofArray(copy));
            assertArrayEquals(new byte[] {'d', 'd', 'd', 'd'}, copy);
            assertEquals(16, weights.index().orElseThrow().totalSize().orElseThrow());
            assertProblem("has no tensor 'e'", () -> weights.bytes("e"));
        }
        assertEquals(2, WeightFiles.readHeaders(directory).size());
    }

    @Test
    void shardsMayBeSymbolicLinksAsInTheHubsCache() throws IOException {
        WeightsFixture.write(directory, tensors(), 8);
        Path blobs = Files.createDirectory(directory.resolve("blobs"));
        Path shard = directory.resolve("model-00002-of-00002.safetensors");
        Files.move(shard, blobs.resolve("0123abcd"));
        Files.createSymbolicLink(shard, Path.of("blobs", "0123abcd"));

        try (WeightFiles weights = WeightFiles.open(directory)) {
            assertEquals(4, weights.bytes("d").byteSize());
        }
    }

    @Test
    void everyMissingShardIsNamed() throws IOException {
        WeightsFixture.write(directory, tensors(), 4);
        Files.delete(directory.resolve("model-00002-of-00004.safetensors"));
        Files.delete(directory.resolve("model-00004-of-00004.safetensors"));

        assertProblem(
                "lacks 2 of the 4 shards that its index names: model-00002-of-00004.safetensors,"
                        + " model-00004-of-00004.safetensors",
                () -> WeightFiles.open(directory));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/etc/passwd",
                "../model.safetensors",
                "..",
                ".",
                "",
                "a/b.safetensors",
                "..\\\\m.safetensors",
                "C:m",
                "a\\u0000b"
            })
    void aShardOutsideTheDirectoryIsRefused(String name) throws IOException {
        index("{\"weight_map\": {\"w\": \"" + name + "\"}}");

        assertProblem("is not the name of a file in the index's directory", () -> WeightFiles.open(directory));
    }

    @Test
    void anIndexThatIsNoIndexIsRefusedByPlace() throws IOException {
        index("{\"metadata\": {}}");
        assertProblem("index.json:1:1: the document has no 'weight_map'", () -> WeightFiles.open(directory));

        index("{\"weight_map\": {\"w\": 3}}");
        assertProblem("index.json:1:22: expected a string", () -> WeightFiles.open(directory));
    }

    @Test
    void indexAndShardsMustAgree() throws IOException {
        WeightsFixture.write(directory, tensors(), 8);
        String first = "model-00001-of-00002.safetensors";
        String second = "model-00002-of-00002.safetensors";
        String row = "{\"weight_map\": {\"a\": \"%s\", \"b\": \"%s\", \"c\": \"%s\"%s}}";

        index(row.formatted(first, first, second, ""));
        assertProblem(second + " holds 'd', which the index lacks", () -> WeightFiles.open(directory));

        index(row.formatted(first, first, second, ", \"d\": \"" + second + "\", \"e\": \"" + second + "\""));
        try (WeightFiles weights = WeightFiles.open(directory)) {
            assertEquals(Map.of("e", second), weights.unheld());
        }

        index(row.formatted(first, first, first, ", \"d\": \"" + second + "\""));
        assertProblem("'c' is in " + second + ", the index puts it in " + first, () -> WeightFiles.open(directory));

        SafetensorsWriter.write(directory.resolve(second), tensors().subList(1, 4));
        index(row.formatted(first, first, second, ", \"d\": \"" + second + "\""));
        assertProblem("tensor 'b' is in both " + first + " and " + second, () -> WeightFiles.open(directory));
        assertProblem("tensor 'b' is in both", () -> WeightFiles.readHeaders(directory));
    }

    /// As transformers 5.18 reads a directory that has both.
    @Test
    void aSingleFileIsReadInsteadOfAnIndexBesideIt() throws IOException {
        WeightsFixture.write(directory, tensors(), 8);
        SafetensorsWriter.write(
                directory.resolve("model.safetensors"), tensors().subList(0, 1));

        try (WeightFiles weights = WeightFiles.open(directory)) {
            assertTrue(weights.passesOverIndex());
            assertEquals(Set.of("a"), weights.entries().keySet());
        }
    }

    @Test
    void aDirectoryWithoutWeightsSaysWhatItHolds() throws IOException {
        assertProblem("has neither model.safetensors nor", () -> WeightFiles.open(directory));
        assertProblem("there is no directory", () -> WeightFiles.open(directory.resolve("absent")));

        Files.writeString(directory.resolve("consolidated.safetensors"), "");
        assertProblem("it holds consolidated.safetensors", () -> WeightFiles.open(directory));

        Files.writeString(directory.resolve("pytorch_model.bin"), "");
        Path gguf = Files.writeString(directory.resolve("model-Q4_K_M.gguf"), "GGUF");
        assertProblem("holds its weights as GGUF (model-Q4_K_M.gguf)", () -> WeightFiles.open(directory));
        Path adapter = Files.writeString(
                directory.resolve("adapter_config.json"),
                "{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"org/base\"}");
        assertProblem("is a PEFT adapter (LORA) of org/base", () -> WeightFiles.open(directory));
        Files.delete(gguf);
        Files.delete(adapter);
        assertProblem(
                "holds its weights as PyTorch pickles (pytorch_model.bin): Bowline never opens those",
                () -> WeightFiles.open(directory));
    }

    @Test
    void aFailedOpenLeavesNothingOpen() throws IOException {
        WeightsFixture.write(directory, tensors(), 8);
        Files.writeString(directory.resolve("model-00002-of-00002.safetensors"), "version https://git-lfs.github.com");

        for (int i = 0; i < 2000; i++) {
            assertThrows(BowlineException.class, () -> WeightFiles.open(directory));
        }

        try (WeightFiles ok = whole()) {
            assertEquals(4, ok.entries().size());
        }
    }

    private WeightFiles whole() throws IOException {
        Path other = Files.createDirectory(directory.resolve("other"));
        WeightsFixture.write(other, tensors(), 8);
        return WeightFiles.open(other);
    }

    private void index(String text) throws IOException {
        Files.writeString(directory.resolve("model.safetensors.index.json"), text);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    private static List<TensorSource> tensors() {
        List<TensorSource> tensors = new ArrayList<>();
        for (String name : NAMES) {
            byte[] bytes = new byte[4];
            Arrays.fill(bytes, (byte) name.charAt(0));
            tensors.add(new TensorSource(name, SafetensorsType.U8, List.of(4L), MemorySegment.ofArray(bytes)));
        }
        return tensors;
    }

    private static void assertProblem(String expected, Executable action) {
        BowlineException refused = assertThrows(BowlineException.class, action);
        assertTrue(refused.problem().contains(expected), refused.problem());
    }
}
