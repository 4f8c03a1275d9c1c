package dev.bowline.audit.repair;

import dev.bowline.json.Json;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorHash;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/// What is in a checkpoint directory, to compare it with another or with itself before.
public final class Written {

    private Written() {}

    /// Every tensor's hash by its name.
    static Map<String, String> hashes(Path directory) throws IOException {
        Map<String, String> hashes = new TreeMap<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path path : files.filter(file -> file.toString().endsWith(".safetensors"))
                    .toList()) {
                try (SafetensorsFile file = SafetensorsFile.open(path)) {
                    file.entries().keySet().forEach(key -> hashes.put(key, TensorHash.of(file.bytes(key))));
                }
            }
        }
        return hashes;
    }

    /// Every file's hash by its path.
    static Map<String, String> contents(Path directory) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(
                        directory.relativize(file).toString(),
                        TensorHash.of(MemorySegment.ofArray(Files.readAllBytes(file))));
            }
        }
        return contents;
    }

    static boolean flag(Path directory) {
        return Json.parse(directory.resolve("config.json")).asObject().requireBoolean("tie_word_embeddings");
    }
}
