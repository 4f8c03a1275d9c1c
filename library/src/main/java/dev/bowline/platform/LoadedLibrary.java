package dev.bowline.platform;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;

/// Finds a shared library that this process has loaded, and no other copy on the machine. Linux only.
public final class LoadedLibrary {

    private LoadedLibrary() {}

    /// @param name the file's name
    public static Optional<SymbolLookup> find(String name) {
        return ProcessMaps.endingWith("/" + name).stream()
                .map(line -> line.substring(line.indexOf('/')))
                .findFirst()
                .map(file -> SymbolLookup.libraryLookup(file, Arena.global()));
    }
}
