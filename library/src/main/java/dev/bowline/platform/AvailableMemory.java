package dev.bowline.platform;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// The memory that this process may still allocate without swapping or being killed.
///
/// @param bytes the bytes in addition to the memory that the process has now
/// @param source the origin of the figure: the system, or the cgroup of the process
public record AvailableMemory(long bytes, String source) {

    private static final List<String> UNLIMITED = List.of("max", "-1");

    /// The smaller of the free memory of the system and the free memory in the process's cgroup.
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
            return new AvailableMemory(bean.getFreeMemorySize(), "free memory of the operating system");
        }
        return new AvailableMemory(Long.MAX_VALUE, "no figure of this system");
    }

    /// The smallest limit of the process's cgroup and of the groups that contain it, of both versions.
    private static Optional<AvailableMemory> cgroup(Path root) {
        return ControlGroup.ofProcess(root).stream()
                .flatMap(group -> room(group).stream())
                .min(Comparator.comparingLong(AvailableMemory::bytes));
    }

    /// The free memory of a group. The kernel counts unused pages of files as used, and reclaims them when
    /// needed.
    private static List<AvailableMemory> room(ControlGroup group) {
        OptionalLong used = number(group.directory().resolve(group.version().usage()));
        if (used.isEmpty()) {
            return List.of();
        }
        String inactive = group.version().inactiveFiles() + " ";
        long reclaimable = lines(group.directory().resolve("memory.stat")).stream()
                .filter(line -> line.startsWith(inactive))
                .mapToLong(
                        line -> Long.parseLong(line.substring(inactive.length()).strip()))
                .findFirst()
                .orElse(0);
        List<AvailableMemory> rooms = new ArrayList<>();
        for (String file : group.version().limits()) {
            number(group.directory().resolve(file)).ifPresent(limit -> {
                long bytes = Math.max(0, limit - used.getAsLong() + reclaimable);
                rooms.add(new AvailableMemory(bytes, "%s of the cgroup".formatted(file)));
            });
        }
        return rooms;
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

    /// The lines of a file; none if the file does not exist, because then the group sets no limit.
    static List<String> lines(Path file) {
        try {
            return Files.isReadable(file) ? Files.readAllLines(file) : List.of();
        } catch (IOException _) {
            return List.of();
        }
    }
}
