package dev.bowline.platform;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/// How much memory this process has, where the system says so (Linux).
public final class ProcessMemory {

    private static final Path STATUS = Path.of("/proc/self/status");

    private ProcessMemory() {}

    /// Bytes resident now, native memory included.
    public static OptionalLong resident() {
        return read("VmRSS:");
    }

    /// The most bytes that were ever resident.
    public static OptionalLong peak() {
        return read("VmHWM:");
    }

    private static OptionalLong read(String key) {
        try {
            for (String line : Files.readAllLines(STATUS)) {
                if (line.startsWith(key)) {
                    String kibibytes =
                            line.substring(key.length()).replace("kB", "").strip();
                    return OptionalLong.of(Long.parseLong(kibibytes) * 1024);
                }
            }
            return OptionalLong.empty();
        } catch (IOException _) {
            return OptionalLong.empty(); // not Linux: the figure is simply not known
        }
    }
}
