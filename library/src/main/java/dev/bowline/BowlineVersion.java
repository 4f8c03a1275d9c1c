package dev.bowline;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;
import java.util.Properties;

/// Bowline's version, as results, pages and files name it.
public final class BowlineVersion {

    private BowlineVersion() {}

    /// The version of this build.
    public static String current() {
        return property("bowline");
    }

    /// The version of `org.bytedeco:pytorch` that this build is made for.
    public static String pytorch() {
        return property("pytorch");
    }

    private static String property(String name) {
        Properties properties = new Properties();
        try (InputStream file = Objects.requireNonNull(
                BowlineVersion.class.getResourceAsStream("version.properties"), "version.properties")) {
            properties.load(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Objects.requireNonNull(properties.getProperty(name));
    }
}
