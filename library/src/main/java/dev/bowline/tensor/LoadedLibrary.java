package dev.bowline.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/// Libraries this process has loaded already, of which there may be other copies on the machine. Linux only.
final class LoadedLibrary {

    private LoadedLibrary() {}

    /// @param name the file's name
    static Optional<SymbolLookup> find(String name) {
        Path maps = Path.of("/proc/self/maps");
        if (!Files.isReadable(maps)) {
            return Optional.empty();
        }
        try (Stream<String> lines = Files.lines(maps)) {
            return lines.filter(line -> line.endsWith("/" + name))
                    .map(line -> line.substring(line.indexOf('/')))
                    .findFirst()
                    .map(file -> SymbolLookup.libraryLookup(file, Arena.global()));
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
