package dev.bowline.spark;

import java.io.File;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;

/// The class path of an executor, for a process of its own.
///
/// The jars of the application (`--jars`, `--packages`, `spark.jars`) come first, and then the class path with which
/// the executor was started (`spark.executor.extraClassPath`, and the jars of Spark): Spark has other versions of some
/// of Bowline's libraries.
final class ExecutorClassPath {

    private ExecutorClassPath() {}

    /// @param loader of the classes of a task
    static List<String> of(Optional<ClassLoader> loader) {
        SequencedSet<String> entries = new LinkedHashSet<>();
        for (Optional<ClassLoader> next = loader;
                next.isPresent();
                next = next.flatMap(each -> Optional.ofNullable(each.getParent()))) {
            if (next.get() instanceof URLClassLoader jars) {
                for (URL url : jars.getURLs()) {
                    file(url).ifPresent(entries::add);
                }
            }
        }
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!entry.isEmpty()) {
                entries.add(Path.of(entry).toAbsolutePath().toString());
            }
        }
        return new ArrayList<>(entries);
    }

    private static Optional<String> file(URL url) {
        try {
            return url.getProtocol().equals("file")
                    ? Optional.of(Path.of(url.toURI()).toAbsolutePath().toString())
                    : Optional.empty();
        } catch (URISyntaxException _) {
            return Optional.empty();
        }
    }
}
