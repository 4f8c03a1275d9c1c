package dev.bowline.natives;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The directory into which native libraries are unpacked, about 460 MB, before they are loaded.
///
/// The environment variable `BOWLINE_CACHE` names it. By default it is `bowline` in the user's cache
/// directory: `$XDG_CACHE_HOME`, `~/.cache`, `~/Library/Caches` on macOS or `%LOCALAPPDATA%` on Windows. A
/// user who has no such directory gets one under the temporary directory that nobody else can write. A
/// directory that belongs to another user is never taken by default, because whoever writes there decides
/// which code this process runs.
public final class NativeCache {

    /// Names the directory.
    public static final String VARIABLE = "BOWLINE_CACHE";

    private static final String JAVACPP = "org.bytedeco.javacpp.cachedir";
    private static final String DJL = "DJL_CACHE_DIR";
    private static final Set<PosixFilePermission> PRIVATE = PosixFilePermissions.fromString("rwx------");

    private static Optional<Path> chosen = Optional.empty();

    private NativeCache() {}

    /// Directs JavaCPP and DJL to the directory, once and before the first native library is loaded. A place
    /// that their own settings name stays.
    ///
    /// @throws BowlineException if the directory that `BOWLINE_CACHE` names cannot be written
    public static synchronized void use() {
        boolean javacpp = System.getProperty(JAVACPP) == null;
        boolean djl = System.getProperty(DJL) == null && System.getenv(DJL) == null;
        if (javacpp || djl) {
            Path directory = directory(System.getenv(), System.getProperty("os.name"), userHome(), temporary());
            chosen = Optional.of(directory);
            if (javacpp) {
                System.setProperty(JAVACPP, directory.resolve("javacpp").toString());
            }
            if (djl) {
                System.setProperty(DJL, directory.resolve("djl").toString());
            }
        }
    }

    /// The directory where libraries are unpacked; empty before [#use].
    static synchronized Optional<Path> inUse() {
        return chosen.or(() -> Optional.ofNullable(System.getProperty(JAVACPP)).map(Path::of));
    }

    private static Optional<Path> userHome() {
        return Optional.ofNullable(System.getProperty("user.home")).map(Path::of);
    }

    private static Path temporary() {
        return Path.of(System.getProperty("java.io.tmpdir"));
    }

    /// The directory, made and writable.
    ///
    /// @param environment of the process
    /// @param system as `os.name` gives it
    /// @param home as `user.home` gives it: `?` for a user without a passwd entry
    /// @param temporary where temporary files go
    static Path directory(Map<String, String> environment, String system, Optional<Path> home, Path temporary) {
        String named = environment.getOrDefault(VARIABLE, "");
        if (!named.isEmpty()) {
            Path directory = Path.of(named).toAbsolutePath();
            try {
                make(directory);
                Files.delete(probe(directory));
                return directory;
            } catch (IOException e) {
                throw new BowlineException(
                        "the directory for native libraries cannot be written: %s".formatted(problem(e)),
                        "set %s to a directory that this user can write, with 500 MB of free space".formatted(VARIABLE),
                        e);
            }
        }
        return candidate(environment, system, home)
                .filter(NativeCache::isOurs)
                .orElseGet(() -> privateDirectory(temporary));
    }

    private static Optional<Path> candidate(Map<String, String> environment, String system, Optional<Path> home) {
        Optional<Path> user = absolute(environment, "HOME")
                .filter(Files::isDirectory)
                .or(() -> home.filter(Path::isAbsolute).filter(Files::isDirectory));
        Optional<Path> caches;
        if (system.startsWith("Windows")) {
            caches = absolute(environment, "LOCALAPPDATA").or(() -> user.map(path -> path.resolve("AppData/Local")));
        } else if (system.startsWith("Mac")) {
            caches = user.map(path -> path.resolve("Library/Caches"));
        } else {
            caches = absolute(environment, "XDG_CACHE_HOME").or(() -> user.map(path -> path.resolve(".cache")));
        }
        return caches.map(path -> path.resolve("bowline"));
    }

    /// A relative path in these variables means nothing, says the XDG specification.
    private static Optional<Path> absolute(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name))
                .filter(value -> !value.isEmpty())
                .map(Path::of)
                .filter(Path::isAbsolute);
    }

    /// Creates the directory. True if this user owns it and can write to it.
    private static boolean isOurs(Path directory) {
        try {
            make(directory);
            Path probe = probe(directory);
            try {
                return Files.getOwner(probe).equals(Files.getOwner(directory));
            } finally {
                Files.delete(probe);
            }
        } catch (IOException _) {
            return false;
        }
    }

    /// `bowline-UID` below the temporary directory, where it is this user's alone, else a new directory.
    private static Path privateDirectory(Path temporary) {
        try {
            Path fresh = Files.createTempDirectory(temporary, "bowline-", attributes());
            if (!isPosix()) {
                return fresh;
            }
            Path shared = temporary.resolve("bowline-" + Files.getAttribute(fresh, "unix:uid"));
            try {
                Files.createDirectory(shared, attributes());
            } catch (IOException _) {
                if (!isPrivate(shared, fresh)) {
                    return fresh;
                }
            }
            Files.delete(fresh);
            return shared;
        } catch (IOException e) {
            throw new BowlineException(
                    "no writable directory for native libraries: neither this user's cache directory nor %s can be written (%s)"
                            .formatted(temporary, problem(e)),
                    "set %s to a directory that this user can write, with 500 MB of free space".formatted(VARIABLE),
                    e);
        }
    }

    /// @param own a directory of this user
    private static boolean isPrivate(Path directory, Path own) throws IOException {
        return Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)
                && Files.getOwner(directory, LinkOption.NOFOLLOW_LINKS).equals(Files.getOwner(own))
                && EnumSet.copyOf(PRIVATE)
                        .containsAll(Files.getPosixFilePermissions(directory, LinkOption.NOFOLLOW_LINKS));
    }

    private static void make(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(directory, attributes());
        }
    }

    private static Path probe(Path directory) throws IOException {
        return Files.createTempFile(directory, "probe", "");
    }

    private static FileAttribute<?>[] attributes() {
        return isPosix()
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PRIVATE)}
                : new FileAttribute<?>[0];
    }

    private static boolean isPosix() {
        return FileSystems.getDefault().supportedFileAttributeViews().contains("unix");
    }

    private static String problem(IOException failure) {
        return "%s (%s)".formatted(failure.getMessage(), failure.getClass().getSimpleName());
    }
}
