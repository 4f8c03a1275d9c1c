package dev.bowline.tensor;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// How much more memory this process may take without swapping or being killed.
///
/// @param bytes beyond what it has now
/// @param source who says so: the system, or the cgroup the process runs in
public record AvailableMemory(long bytes, String source) {

    private static final List<String> UNLIMITED = List.of("max", "-1");

    /// Whichever is less of the system's free memory and the room left in the process's cgroup.
    public static AvailableMemory now() {
        return under(Path.of("/"));
    }

    /// @param root where `proc` and `sys` are
    static AvailableMemory under(Path root) {
        AvailableMemory system = kibibytes(root.resolve("proc/meminfo"), "MemAvailable:")
                .map(bytes -> new AvailableMemory(bytes, "MemAvailable of /proc/meminfo"))
                .orElseGet(AvailableMemory::ofTheBean);
        return cgroup(root).filter(limited -> limited.bytes() < system.bytes()).orElse(system);
    }

    private static AvailableMemory ofTheBean() {
        if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean bean) {
            return new AvailableMemory(bean.getFreeMemorySize(), "free memory, as the operating system says");
        }
        return new AvailableMemory(Long.MAX_VALUE, "nothing this JVM can read");
    }

    /// The tightest limit of the cgroup (version 2) and of those around it, or version 1's own limit.
    private static Optional<AvailableMemory> cgroup(Path root) {
        Path base = root.resolve("sys/fs/cgroup");
        Optional<AvailableMemory> tightest =
                room(base.resolve("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
        for (Path group = base.resolve(ownGroup(root));
                group != null && group.startsWith(base);
                group = group.getParent()) {
            Optional<AvailableMemory> here = room(group, "memory.max", "memory.current", "inactive_file");
            if (here.isPresent()
                    && (tightest.isEmpty()
                            || here.get().bytes() < tightest.get().bytes())) {
                tightest = here;
            }
        }
        return tightest;
    }

    private static String ownGroup(Path root) {
        return lines(root.resolve("proc/self/cgroup")).stream()
                .filter(line -> line.startsWith("0::/"))
                .map(line -> line.substring("0::/".length()))
                .findFirst()
                .orElse("");
    }

    /// What a group may still take. Pages of files that nobody uses count as used, and are given back when needed.
    private static Optional<AvailableMemory> room(Path group, String limitFile, String usedFile, String inactive) {
        OptionalLong limit = number(group.resolve(limitFile));
        OptionalLong used = number(group.resolve(usedFile));
        if (limit.isEmpty() || used.isEmpty()) {
            return Optional.empty();
        }
        long reclaimable = lines(group.resolve("memory.stat")).stream()
                .filter(line -> line.startsWith(inactive + " "))
                .mapToLong(line ->
                        Long.parseLong(line.substring(inactive.length() + 1).strip()))
                .findFirst()
                .orElse(0);
        long bytes = Math.max(0, limit.getAsLong() - used.getAsLong() + reclaimable);
        return Optional.of(new AvailableMemory(bytes, "%s of the cgroup".formatted(limitFile)));
    }

    private static OptionalLong number(Path file) {
        List<String> lines = lines(file);
        return lines.isEmpty() || UNLIMITED.contains(lines.getFirst().strip())
                ? OptionalLong.empty()
                : OptionalLong.of(Long.parseLong(lines.getFirst().strip()));
    }

    private static Optional<Long> kibibytes(Path file, String key) {
        return lines(file).stream()
                .filter(line -> line.startsWith(key))
                .map(line -> 1024
                        * Long.parseLong(
                                line.substring(key.length()).replace("kB", "").strip()))
                .findFirst();
    }

    /// None where there is no such file: then it limits nothing.
    private static List<String> lines(Path file) {
        try {
            return Files.isReadable(file) ? Files.readAllLines(file) : List.of();
        } catch (IOException _) {
            return List.of();
        }
    }
}
