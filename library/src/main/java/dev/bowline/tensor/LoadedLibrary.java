package dev.bowline.tensor;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// Libraries this process has loaded already, of which there may be other copies on the machine. Linux only.
final class LoadedLibrary {

    private LoadedLibrary() {}

    /// @param name the file's name
    static Optional<SymbolLookup> find(String name) {
        Path maps = Path.of("/proc/self/maps");
        if (!Files.isReadable(maps)) {
            return Optional.empty();
        }
        // Not through a channel, which an interrupt of this thread would close: what is found is kept for good.
        try (BufferedReader lines = new BufferedReader(new FileReader(maps.toFile(), StandardCharsets.UTF_8))) {
            return lines.lines()
                    .filter(line -> line.endsWith("/" + name))
                    .map(line -> line.substring(line.indexOf('/')))
                    .findFirst()
                    .map(file -> SymbolLookup.libraryLookup(file, Arena.global()));
        } catch (IOException | UncheckedIOException e) {
            return Optional.empty();
        }
    }
}
