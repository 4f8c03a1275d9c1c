package dev.bowline.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Native libraries are unpacked where the user says, else into the user's cache directory, else into a
/// directory that is this user's alone.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "its directories have no POSIX permissions to compare")
class NativeCacheTest {

    @TempDir
    private Path root = Path.of("");

    private Path home = Path.of("");
    private Path temporary = Path.of("");

    @BeforeEach
    void aUserWithAHome() throws IOException {
        home = Files.createDirectory(root.resolve("home"));
        temporary = Files.createDirectory(root.resolve("tmp"));
    }

    private Path linux(Map<String, String> environment, String userHome) {
        return NativeCache.directory(environment, "Linux", Optional.of(Path.of(userHome)), temporary);
    }

    @Test
    void theVariableNamesIt() throws IOException {
        Path named = root.resolve("a/b");

        assertEquals(named, linux(Map.of("BOWLINE_CACHE", named.toString(), "HOME", home.toString()), "?"));
        assertTrue(isEmpty(named), "the look at it left something behind");
    }

    @Test
    void aNamedDirectoryThatCannotBeWrittenIsAMessageAndNotReplaced() throws IOException {
        Path file = Files.createFile(root.resolve("file"));

        BowlineException failure = assertThrows(
                BowlineException.class,
                () -> linux(Map.of("BOWLINE_CACHE", file.resolve("cache").toString()), home.toString()));

        assertTrue(failure.problem().contains(file.toString()), failure.problem());
        assertTrue(failure.fix().contains("BOWLINE_CACHE"), failure.fix());
    }

    @Test
    void theXdgDirectoryComesBeforeTheHome() {
        Path caches = root.resolve("caches");

        assertEquals(
                caches.resolve("bowline"),
                linux(Map.of("XDG_CACHE_HOME", caches.toString(), "HOME", home.toString()), "?"));
        assertEquals(
                home.resolve(".cache/bowline"),
                linux(Map.of("XDG_CACHE_HOME", "relative", "HOME", home.toString()), "?"));
    }

    @Test
    void eachSystemHasItsPlace() {
        Map<String, String> environment = Map.of("HOME", home.toString(), "LOCALAPPDATA", root + "/local");

        assertEquals(home.resolve(".cache/bowline"), linux(Map.of(), home.toString()));
        assertEquals(
                home.resolve("Library/Caches/bowline"),
                NativeCache.directory(environment, "Mac OS X", Optional.empty(), temporary));
        assertEquals(
                root.resolve("local/bowline"),
                NativeCache.directory(environment, "Windows 11", Optional.empty(), temporary));
    }

    @Test
    void aUserWithoutAHomeGetsAPrivateDirectoryAndTheSameOneAgain() throws IOException {
        Path first = linux(Map.of(), "?");

        assertEquals(temporary, first.getParent());
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(first)));
        assertEquals(first, linux(Map.of("HOME", root.resolve("absent").toString()), "?"));
        assertEquals(first, linux(Map.of("HOME", "/proc"), "?"));
        try (Stream<Path> made = Files.list(temporary)) {
            assertEquals(1, made.count());
        }
    }

    @Test
    void aDirectoryThatOthersCanWriteIsNotTaken() throws IOException {
        Path first = linux(Map.of(), "?");
        Files.setPosixFilePermissions(first, PosixFilePermissions.fromString("rwxrwxrwx"));

        Path second = linux(Map.of(), "?");

        assertNotEquals(first, second);
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(second)));
    }

    @Test
    void aLinkToAnotherPlaceIsNotFollowed() throws IOException {
        Path first = linux(Map.of(), "?");
        Files.delete(first);
        Files.createSymbolicLink(first, home);

        assertNotEquals(first, linux(Map.of(), "?"));
        assertTrue(isEmpty(home));
    }

    private static boolean isEmpty(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.findAny().isEmpty();
        }
    }
}
