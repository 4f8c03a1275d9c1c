package dev.bowline.natives;

import dev.bowline.BowlineException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The platform of this JVM, under the name that JavaCPP and its artifacts use, such as `linux-x86_64`.
public final class NativePlatform {

    /// The platforms for which `org.bytedeco:pytorch` has native libraries.
    public static final List<String> SUPPORTED = List.of("linux-x86_64", "macosx-arm64", "windows-x86_64");

    private static final String FIX = "use one of " + String.join(", ", SUPPORTED)
            + "; audits and repairs of checkpoints need no native library and run on any platform";

    private NativePlatform() {}

    /// The name of this JVM's platform; JavaCPP's property `org.bytedeco.javacpp.platform` overrides it.
    public static String name() {
        return System.getProperty(
                "org.bytedeco.javacpp.platform", name(System.getProperty("os.name"), System.getProperty("os.arch")));
    }

    /// @param system as `os.name` gives it
    /// @param architecture as `os.arch` gives it
    static String name(String system, String architecture) {
        String lower = system.toLowerCase(Locale.ROOT);
        String family = lower.startsWith("mac")
                ? "macosx"
                : lower.startsWith("windows") ? "windows" : lower.replaceAll("[^a-z0-9]", "");
        String processor = switch (architecture.toLowerCase(Locale.ROOT)) {
            case "amd64", "x86_64", "x64" -> "x86_64";
            case "aarch64", "arm64" -> "arm64";
            default -> architecture.toLowerCase(Locale.ROOT);
        };
        return family + "-" + processor;
    }

    /// @throws BowlineException on a platform without native libraries
    public static void requireSupported() {
        unsupported().ifPresent(refusal -> {
            throw refusal;
        });
    }

    static Optional<BowlineException> unsupported() {
        return unsupported(name(), Path.of("/"));
    }

    /// @param root where `lib` and `lib64` are
    static Optional<BowlineException> unsupported(String platform, Path root) {
        if (!SUPPORTED.contains(platform)) {
            return Optional.of(
                    new BowlineException("libtorch has no native libraries for %s".formatted(platform), FIX));
        }
        if (platform.equals("linux-x86_64")
                && Files.exists(root.resolve("lib/ld-musl-x86_64.so.1"))
                && !Files.exists(root.resolve("lib64/ld-linux-x86-64.so.2"))) {
            return Optional.of(new BowlineException(
                    "libtorch needs the C library glibc, and this system has musl",
                    "use a distribution with glibc, such as Debian, Ubuntu or Fedora, in place of Alpine"));
        }
        return Optional.empty();
    }
}
