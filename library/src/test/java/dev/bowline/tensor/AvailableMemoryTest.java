package dev.bowline.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a process may still take is the least that the system, its cgroup and the groups around that allow.
class AvailableMemoryTest {

    @TempDir
    private Path root = Path.of("");

    @BeforeEach
    void aSystemWithFourGibibytes() throws IOException {
        write("proc/meminfo", "MemTotal:  8388608 kB\nMemFree:  1048576 kB\nMemAvailable:  4194304 kB\n");
        write("proc/self/cgroup", "0::/user/run\n");
    }

    @Test
    void withoutALimitItIsWhatTheSystemHas() throws IOException {
        write("sys/fs/cgroup/user/run/memory.max", "max\n");
        write("sys/fs/cgroup/user/run/memory.current", "1000\n");

        assertEquals(4L << 30, AvailableMemory.under(root).bytes());
    }

    @Test
    void theTightestGroupCountsAndPagesOfFilesAreGivenBack() throws IOException {
        write("sys/fs/cgroup/user/run/memory.max", String.valueOf(3L << 30));
        write("sys/fs/cgroup/user/run/memory.current", String.valueOf(1L << 30));
        write("sys/fs/cgroup/user/memory.max", String.valueOf(2L << 30));
        write("sys/fs/cgroup/user/memory.current", String.valueOf(1L << 30));
        write("sys/fs/cgroup/user/memory.stat", "anon 5\ninactive_file " + (512L << 20) + "\n");

        AvailableMemory available = AvailableMemory.under(root);

        assertEquals((1L << 30) + (512L << 20), available.bytes());
        assertEquals("memory.max of the cgroup", available.source());
    }

    @Test
    void theFirstVersionOfCgroupsCountsToo() throws IOException {
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", String.valueOf(1L << 30));
        write("sys/fs/cgroup/memory/memory.usage_in_bytes", String.valueOf(1L << 29));

        assertEquals(1L << 29, AvailableMemory.under(root).bytes());
    }

    @Test
    void thisMachineHasSome() {
        assertTrue(AvailableMemory.now().bytes() > 0);
        assertTrue(AvailableMemory.under(root.resolve("no/such")).bytes() > 0);
    }

    private void write(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        Files.writeString(file, text);
    }
}
