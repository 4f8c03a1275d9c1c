package dev.bowline.platform;

import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.TreeMap;

/// The settings in `process.properties`, which the launchers read too.
///
/// @param start environment variables that the C library reads when the process starts
/// @param load environment variables that native libraries read when they load
/// @param properties system properties that JavaCPP reads when it loads
/// @param application system properties for a process that runs nothing but Bowline
/// @param java options of the Java command for such a process
record ProcessSettings(
        Map<String, String> start,
        Map<String, String> load,
        Map<String, String> properties,
        Map<String, String> application,
        Map<String, String> java) {

    private static final String FILE = "process.properties";
    private static final String CORES = "cores";

    static ProcessSettings read() {
        Properties table = new Properties();
        try (var text = new InputStreamReader(
                Objects.requireNonNull(ProcessSettings.class.getResourceAsStream(FILE)), StandardCharsets.UTF_8)) {
            table.load(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new ProcessSettings(
                section(table, "start."),
                section(table, "load."),
                section(table, "property."),
                section(table, "application."),
                section(table, "java."));
    }

    /// A size in bytes of the section `start`.
    long startBytes(String name) {
        return Long.parseLong(Objects.requireNonNull(start.get(name), name));
    }

    private static Map<String, String> section(Properties table, String prefix) {
        Map<String, String> settings = new TreeMap<>();
        for (String key : table.stringPropertyNames()) {
            if (key.startsWith(prefix)) {
                String value = table.getProperty(key);
                settings.put(key.substring(prefix.length()), value.equals(CORES) ? Integer.toString(cores()) : value);
            }
        }
        return settings;
    }

    /// The processor cores of this process. Two hardware threads of one core count once.
    static int cores() {
        int threads = Runtime.getRuntime().availableProcessors();
        try {
            boolean shared = Files.readString(Path.of("/sys/devices/system/cpu/smt/active"))
                    .startsWith("1");
            return shared ? Math.max(1, threads / 2) : threads;
        } catch (IOException e) {
            return threads;
        }
    }
}
