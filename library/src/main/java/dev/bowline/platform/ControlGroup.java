package dev.bowline.platform;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A control group of Linux that bounds the memory of this process.
///
/// @param directory the directory with the files of the group
record ControlGroup(Path directory, Version version) {

    /// The two interfaces of the kernel: one tree for everything, or a tree for each controller.
    ///
    /// @param limits the files with limits in bytes: the kernel kills or slows down a group that exceeds one
    /// @param usage the file with the bytes in use
    /// @param inactiveFiles the line of `memory.stat` with the pages of files that nobody uses
    record Version(List<String> limits, String usage, String inactiveFiles) {

        static final Version ONE =
                new Version(List.of("memory.limit_in_bytes"), "memory.usage_in_bytes", "total_inactive_file");
        static final Version TWO = new Version(List.of("memory.max", "memory.high"), "memory.current", "inactive_file");
    }

    /// A mounted tree of groups.
    ///
    /// @param top the group that the mount shows as its root: `/`, or in a container the container's group
    /// @param point the directory where the tree is mounted
    private record Mount(Path top, Path point, Version version) {

        /// The directory of a group, or of the top where the mount does not show the group.
        Path directory(Path group) {
            Path below = group.startsWith(top)
                    ? top.relativize(group)
                    : top.getRoot().relativize(group);
            Path directory = point.resolve(below).normalize();
            return directory.startsWith(point) ? directory : point;
        }
    }

    /// The group of the process and the groups that contain it, innermost first, in each tree that limits memory.
    ///
    /// @param root where `proc` and `sys` are
    static List<ControlGroup> ofProcess(Path root) {
        List<ControlGroup> groups = new ArrayList<>();
        for (Mount mount : mounts(root)) {
            Path top = mount.point();
            for (Path group = mount.directory(ownGroup(root, mount.version()));
                    group != null && group.startsWith(top);
                    group = group.getParent()) {
                groups.add(new ControlGroup(group, mount.version()));
            }
        }
        return groups;
    }

    /// The mounts that `/proc/self/mountinfo` lists; the usual places if it lists none.
    private static List<Mount> mounts(Path root) {
        List<Mount> mounts = new ArrayList<>();
        for (String line : AvailableMemory.lines(root.resolve("proc/self/mountinfo"))) {
            // id, parent, device, root, mount point, options, ... - type, source, super options
            String[] halves = line.split(" - ", 2);
            String[] place = halves[0].split(" ");
            String[] kind = halves.length == 2 ? halves[1].split(" ") : new String[0];
            if (place.length < 5 || kind.length < 3) {
                continue;
            }
            boolean two = kind[0].equals("cgroup2");
            boolean one =
                    kind[0].equals("cgroup") && List.of(kind[2].split(",")).contains("memory");
            if (one || two) {
                mounts.add(new Mount(
                        Path.of(place[3]), root.resolve(place[4].substring(1)), two ? Version.TWO : Version.ONE));
            }
        }
        if (mounts.isEmpty()) {
            Path usual = root.resolve("sys/fs/cgroup");
            mounts.add(new Mount(Path.of("/"), usual, Version.TWO));
            mounts.add(new Mount(Path.of("/"), usual.resolve("memory"), Version.ONE));
        }
        return mounts;
    }

    /// The process's group as the kernel names it, such as `/system.slice/run.service`.
    private static Path ownGroup(Path root, Version version) {
        for (String line : AvailableMemory.lines(root.resolve("proc/self/cgroup"))) {
            // hierarchy, controllers, group; version two has no controllers
            String[] parts = line.split(":", 3);
            if (parts.length == 3
                    && (version == Version.TWO
                            ? parts[0].equals("0") && parts[1].isEmpty()
                            : List.of(parts[1].split(",")).contains("memory"))) {
                return Path.of(parts[2]);
            }
        }
        return Path.of("/");
    }
}
