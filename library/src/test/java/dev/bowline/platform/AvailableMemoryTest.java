package dev.bowline.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

    /// A batch system puts its job into groups within groups, and bounds the outer one.
    @Test
    void groupsAroundCountInTheFirstVersionToo() throws IOException {
        write("proc/self/cgroup", "12:cpuset:/job\n9:memory,hugetlb:/slurm/job_7/step_0\n0::/\n");
        String memory = "sys/fs/cgroup/memory/";
        write(memory + "memory.limit_in_bytes", "9223372036854771712");
        write(memory + "memory.usage_in_bytes", String.valueOf(6L << 30));
        write(memory + "slurm/job_7/memory.limit_in_bytes", String.valueOf(2L << 30));
        write(memory + "slurm/job_7/memory.usage_in_bytes", String.valueOf(1L << 30));
        write(memory + "slurm/job_7/memory.stat", "inactive_file 1\ntotal_inactive_file " + (1L << 20) + "\n");
        write(memory + "slurm/job_7/step_0/memory.limit_in_bytes", "9223372036854771712");
        write(memory + "slurm/job_7/step_0/memory.usage_in_bytes", String.valueOf(1L << 30));

        AvailableMemory available = AvailableMemory.under(root);

        assertEquals((1L << 30) + (1L << 20), available.bytes());
        assertEquals("memory.limit_in_bytes of the cgroup", available.source());
    }

    /// A container sees its own group as the root of the mount, and reads the host's name of a group below.
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "cgroup2 cgroup rw; 0::/docker/ab/inner; sys/fs/cgroup; memory.max; memory.current",
                "cgroup cgroup rw,memory; 5:memory:/docker/ab/inner; sys/fs/cgroup/memory; memory.limit_in_bytes; "
                        + "memory.usage_in_bytes"
            })
    void aContainersMountBeginsAtItsGroup(String kind, String own, String point, String limit, String used)
            throws IOException {
        write("proc/self/cgroup", own + "\n");
        write("proc/self/mountinfo", "31 24 0:27 /docker/ab /%s ro,nosuid shared:4 - %s\n".formatted(point, kind));
        write(point + "/inner/" + limit, String.valueOf(3L << 30));
        write(point + "/inner/" + used, String.valueOf(1L << 30));
        write(point + "/" + limit, String.valueOf(8L << 30));
        write(point + "/" + used, String.valueOf(7L << 30));

        assertEquals(1L << 30, AvailableMemory.under(root).bytes());

        write(point + "/inner/" + used, String.valueOf(5L << 29));

        assertEquals(1L << 29, AvailableMemory.under(root).bytes());
    }

    /// Beyond memory.high the kernel slows a group down until it shrinks.
    @Test
    void theLimitThatSlowsDownCounts() throws IOException {
        write("sys/fs/cgroup/user/run/memory.max", "max\n");
        write("sys/fs/cgroup/user/run/memory.high", String.valueOf(2L << 30));
        write("sys/fs/cgroup/user/run/memory.current", String.valueOf(1L << 30));

        assertEquals(new AvailableMemory(1L << 30, "memory.high of the cgroup"), AvailableMemory.under(root));
    }

    /// A process that was moved out of its namespace's groups has a name such as `/../other`.
    @Test
    void aGroupOutsideOfTheMountCountsAsItsRoot() throws IOException {
        write("proc/self/cgroup", "0::/../../other\n");
        write("sys/fs/cgroup/memory.max", String.valueOf(2L << 30));
        write("sys/fs/cgroup/memory.current", String.valueOf(1L << 30));

        assertEquals(1L << 30, AvailableMemory.under(root).bytes());
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
