package dev.bowline.recipe;

import dev.bowline.recipe.CheckpointSection.RestoreFrom;
import dev.bowline.recipe.KeyType.Invalid;
import dev.bowline.recipe.KeyType.Parsed;
import dev.bowline.recipe.KeyType.Valid;
import dev.bowline.recipe.YamlValue.Scalar;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/// Types of keys with a path.
///
/// A path in a recipe is relative to the recipe, and independent of the current directory. A path in a flag is
/// relative to the current directory, as the shell completes it.
final class PathTypes {

    private static final String LATEST = "LATEST";
    private static final String AUTO = "auto";

    private PathTypes() {}

    /// @param name of the path, for the message
    /// @throws IllegalArgumentException if a program gives a relative path
    static void requireAbsolute(String name, Path path) {
        if (!path.isAbsolute()) {
            throw new IllegalArgumentException("%s must be absolute, not %s".formatted(name, path));
        }
    }

    /// A path that need not exist.
    static KeyType<Path> path() {
        return KeyType.ofScalar("a path", "a path", scalar -> read(scalar, Valid::new), PathTypes::write);
    }

    static KeyType<Path> file() {
        return KeyType.ofScalar(
                "an existing file",
                "its path",
                scalar -> read(scalar, path -> existingFile(path, scalar)),
                PathTypes::write);
    }

    static KeyType<Path> fileOrDirectory() {
        return KeyType.ofScalar(
                "an existing file or directory",
                "its path",
                scalar -> read(
                        scalar,
                        path -> Files.isRegularFile(path) || Files.isDirectory(path)
                                ? new Valid<>(path)
                                : new Invalid<>(missing(path, scalar))),
                PathTypes::write);
    }

    /// A local Hugging Face directory. The error for a name on the Hub has the download command.
    static KeyType<Path> modelDirectory() {
        return KeyType.ofScalar(
                "a directory with a config.json",
                "its path",
                scalar -> read(scalar, path -> modelDirectory(path, scalar)),
                PathTypes::write);
    }

    static KeyType<RestoreFrom> restoreFrom() {
        return KeyType.ofScalar(
                "LATEST, auto or an existing directory",
                "LATEST, auto or a path",
                scalar -> switch (scalar.text()) {
                    case LATEST -> new Valid<>(new RestoreFrom.Latest());
                    case AUTO -> new Valid<>(new RestoreFrom.Auto());
                    default -> read(scalar, PathTypes::restoreDirectory);
                },
                from -> switch (from) {
                    case RestoreFrom.Latest() -> LATEST;
                    case RestoreFrom.Auto() -> AUTO;
                    case RestoreFrom.Directory(Path path) -> write(path);
                });
    }

    /// The base of a relative path: the recipe's directory, or the current directory for a flag.
    ///
    /// @param file the recipe, absolute
    static List<Path> bases(Origin at, Path file) {
        return at instanceof Origin.InFile
                ? List.of(file.resolveSibling(""))
                : List.of(Path.of("").toAbsolutePath());
    }

    /// The first of `bases` that has `text` in it.
    static Optional<Path> firstExisting(List<Path> bases, String text) {
        try {
            return bases.stream()
                    .map(base -> base.resolve(text).normalize())
                    .filter(Files::exists)
                    .findFirst();
        } catch (InvalidPathException _) {
            return Optional.empty();
        }
    }

    private static String write(Path path) {
        return TextTypes.quoted(path.toString());
    }

    private static <T> Parsed<T> read(Scalar scalar, Function<Path, Parsed<T>> check) {
        String text = scalar.text();
        if (scalar.isNumber() || scalar.isBoolean()) {
            return new Invalid<>("put it in quotes if it is meant as a path: '%s'".formatted(text));
        }
        if (text.isBlank()) {
            return new Invalid<>("write a path");
        }
        if (text.contains("${")) {
            return new Invalid<>("write the path itself, or override the key; a recipe does not read variables");
        }
        if (text.startsWith("~")) {
            return new Invalid<>("write the home directory out; only a shell expands ~");
        }
        try {
            return check.apply(base(scalar.at()).resolve(text).normalize());
        } catch (InvalidPathException e) {
            return new Invalid<>("write a path that this system allows (%s)".formatted(e.getReason()));
        }
    }

    private static Path base(Origin origin) {
        Path here = Path.of("").toAbsolutePath();
        return switch (origin) {
            case Origin.InFile at -> here.resolve(at.file()).resolveSibling("").normalize();
            case Origin.OnFlag _, Origin.InProgram _, Origin.Default _, Origin.AutoModelDefault _ -> here;
        };
    }

    private static Parsed<Path> existingFile(Path path, Scalar scalar) {
        if (Files.isRegularFile(path)) {
            return new Valid<>(path);
        }
        return new Invalid<>(
                Files.isDirectory(path) ? path + " is a directory; name a file in it" : missing(path, scalar));
    }

    private static Parsed<Path> modelDirectory(Path path, Scalar scalar) {
        if (Files.isRegularFile(path.resolve("config.json"))) {
            return new Valid<>(path);
        }
        if (Files.isRegularFile(path)) {
            return new Invalid<>("%s is a file; name the directory it is in".formatted(path));
        }
        if (Files.isDirectory(path)) {
            return new Invalid<>(
                    Files.exists(path.resolve("adapter_config.json"))
                            ? "%s is a PEFT adapter; name the directory of its base model".formatted(path)
                            : "%s has no config.json; name the directory that has".formatted(path));
        }
        if (scalar.text().matches("[A-Za-z0-9][\\w.-]*/[A-Za-z0-9][\\w.-]*") && !Files.exists(path.getParent())) {
            return new Invalid<>(("'%s' looks like a model on the Hugging Face Hub; download it first"
                            + " (hf download %s --local-dir DIR) and write DIR")
                    .formatted(scalar.text(), scalar.text()));
        }
        return new Invalid<>(missing(path, scalar));
    }

    private static Parsed<RestoreFrom> restoreDirectory(Path path) {
        return Files.isDirectory(path)
                ? new Valid<>(new RestoreFrom.Directory(path))
                : new Invalid<>("%s is not a directory; name a step_N directory, LATEST or auto".formatted(path));
    }

    private static String missing(Path path, Scalar scalar) {
        if (Files.exists(path)) {
            return "%s is a pipe or a device; name a regular file".formatted(path);
        }
        Path fromHere = Path.of("").toAbsolutePath().resolve(scalar.text()).normalize();
        if (scalar.at() instanceof Origin.InFile && !fromHere.equals(path) && Files.exists(fromHere)) {
            return "%s does not exist, but %s does: paths in a recipe are relative to the recipe, so write %s"
                    .formatted(path, fromHere, base(scalar.at()).relativize(fromHere));
        }
        return Key.nearest(String.valueOf(path.getFileName()), siblings(path))
                .map(name -> "%s does not exist; did you mean '%s'?".formatted(path, name))
                .orElse("%s does not exist; correct the path".formatted(path));
    }

    private static List<String> siblings(Path path) {
        Path parent = path.getParent();
        if (parent == null || !Files.isDirectory(parent) || !Files.isReadable(parent)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(parent)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
