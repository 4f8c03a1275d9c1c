package dev.bowline.parity;

import dev.bowline.fixtures.Golden;
import dev.bowline.model.decoder.FamilyFixtures;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// A model family and the folder of its fixtures. What is listed here is compared with transformers and has its rows in
/// `docs/coverage.md`: every fixture in the folder, by what its reference holds.
///
/// @param name as in prose
/// @param folder under the test resources' fixtures
record Family(String name, String folder) {

    static final List<Family> ALL = Stream.concat(Stream.of(new Family("Gemma 4", "gemma4")), declared())
            .toList();

    /// The families that tools/make_family_fixtures.py made a folder for.
    private static Stream<Family> declared() {
        return FamilyFixtures.families().stream().map(name -> new Family(name, "families/" + name));
    }

    /// By name.
    List<Fixture> fixtures() {
        try (Stream<Path> directories = Files.list(Golden.directory(folder, ""))) {
            return directories
                    .filter(Files::isDirectory)
                    .sorted()
                    .map(directory ->
                            new Fixture(folder, directory.getFileName().toString()))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Stream<Fixture> allFixtures() {
        return ALL.stream().flatMap(family -> family.fixtures().stream());
    }
}
