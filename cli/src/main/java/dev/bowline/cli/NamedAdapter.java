package dev.bowline.cli;

import dev.bowline.BowlineException;
import java.nio.file.Path;

/// An adapter of a command line.
///
/// @param name the label in the output
record NamedAdapter(String name, Path directory) {

    /// A directory alone: its own name is the adapter's.
    static NamedAdapter of(Path directory) {
        Path name = directory.toAbsolutePath().normalize().getFileName();
        return new NamedAdapter(name == null ? "adapter" : name.toString(), directory);
    }

    /// `DIR` or `NAME=DIR`. A directory whose path has an equals sign needs a name.
    static NamedAdapter parse(String text) {
        int equals = text.indexOf('=');
        if (text.isBlank() || equals == text.length() - 1) {
            throw new BowlineException(
                    "--adapter '%s' names no directory".formatted(text),
                    "give the directory of an adapter: --adapter DIR or --adapter NAME=DIR");
        }
        return equals > 0 && !text.substring(0, equals).contains("/")
                ? new NamedAdapter(text.substring(0, equals), Path.of(text.substring(equals + 1)))
                : of(Path.of(text));
    }
}
