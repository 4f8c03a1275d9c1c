package dev.bowline.safetensors;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A file written by the format's own library is read as it was meant, and written again for any reader.
class ReferenceFileTest {

    @TempDir
    Path directory;

    @Test
    void everyTypeTheReferenceWritesIsRead() throws Exception {
        JsonObject expected = Json.parse(fixture("every_type.json")).asObject();
        JsonObject tensors = expected.requireObject("tensors");

        try (SafetensorsFile file = SafetensorsFile.open(fixture("every_type.safetensors"))) {
            assertEquals(tensors.keys(), file.entries().keySet());
            assertEquals(3 * SafetensorsType.values().length, tensors.keys().size());
            for (String name : tensors.keys()) {
                JsonObject described = tensors.requireObject(name);
                assertEquals(
                        described.requireString("dtype"),
                        file.entry(name).type().name());
                assertEquals(
                        described.requireArray("shape").longs(),
                        file.entry(name).shape());
                assertEquals(described.requireString("sha256"), TensorHash.of(file.bytes(name)), name);
            }
            assertEquals(Map.of("format", "pt"), file.metadata());
        }
    }

    @Test
    void whatIsWrittenAgainIsFoundByAReaderThatIsNotOurs() throws Exception {
        Path copy = directory.resolve("copy.safetensors");

        try (SafetensorsFile file = SafetensorsFile.open(fixture("every_type.safetensors"))) {
            List<TensorSource> tensors = file.entries().keySet().stream()
                    .map(name -> TensorSource.of(file, name))
                    .toList();
            WrittenFile written = SafetensorsWriter.write(
                    copy, tensors, file.metadata(), file.entries().keySet());

            Map<String, MinimalReader.Tensor> found = MinimalReader.read(copy);
            assertEquals(List.copyOf(file.entries().keySet()), List.copyOf(found.keySet()));
            for (TensorEntry entry : file.entries().values()) {
                MinimalReader.Tensor tensor = Objects.requireNonNull(found.get(entry.name()));
                assertEquals(entry.type().name(), tensor.dtype());
                assertEquals(entry.shape().toString().replaceAll("[\\[\\] ]", ""), tensor.shape());
                assertArrayEquals(file.bytes(entry.name()).toArray(JAVA_BYTE), tensor.bytes());
                assertEquals(
                        TensorHash.of(file.bytes(entry.name())),
                        written.hashes().get(entry.name()));
            }
            assertEquals(file.entries(), SafetensorsFile.readHeader(copy).entries());
        }
    }

    static Path fixture(String name) throws IOException, URISyntaxException {
        return Path.of(Objects.requireNonNull(ReferenceFileTest.class.getResource("/fixtures/formats/" + name))
                .toURI());
    }
}
