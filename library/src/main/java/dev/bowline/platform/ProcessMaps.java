package dev.bowline.platform;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// The mappings of this process, from /proc/self/maps. Linux only.
final class ProcessMaps {

    private ProcessMaps() {}

    /// The lines that end with `end`; none if there is no such file.
    static List<String> endingWith(String end) {
        Path maps = Path.of("/proc/self/maps");
        if (!Files.isReadable(maps)) {
            return List.of();
        }
        // An interrupt of this thread would close a channel, and callers keep the result for good.
        try (BufferedReader lines = new BufferedReader(new FileReader(maps.toFile(), StandardCharsets.UTF_8))) {
            return lines.lines().filter(line -> line.endsWith(end)).toList();
        } catch (IOException | UncheckedIOException e) {
            return List.of();
        }
    }
}
