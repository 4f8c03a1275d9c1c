package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.bowline.BowlineException;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.fixtures.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A disk that fills up while a checkpoint is saved costs that checkpoint and no other, and the message says what is
/// missing.
class DiskFullTest {

    private static final Path MODEL = Golden.directory("gemma4", "moe_tied");

    @TempDir
    private Path temporary;

    /// On a file system of its own, in a namespace of its own: the only way to fill one without harm.
    @Test
    void aRealDiskThatFillsUpInTheMiddleLeavesTheCheckpointBefore() throws Exception {
        String out = onSmallDisk("8m", "fill", "AFTER_THE_WEIGHTS");

        assertTrue(out.contains("step_2 was not saved, which needs "), out);
        assertTrue(out.contains("No space left on device"), out);
        assertTrue(out.contains("fix: check the disk's space"), out);
        assertTrue(out.contains("[LATEST, step_1]"), out);
        assertTrue(out.contains("latest holds step 1"), out);
    }

    @Test
    void aRealDiskWithoutRoomIsRefusedBeforeTheFirstByte() throws Exception {
        long bytes = Files.size(MODEL.resolve("model.safetensors"));

        String out = onSmallDisk(((bytes * 3 / 2) >> 10) + 1200 + "k", "fill", "NEVER");

        assertTrue(out.contains("step_2 needs "), out);
        assertTrue(out.contains(" left\n  fix: free space on that disk, or save elsewhere"), out);
        assertTrue(out.contains("[LATEST, step_1]"), out);
    }

    @Test
    void aWriteThatFailsSaysWhatIsNeededAndLeavesNothing() throws IOException {
        Path target = temporary.resolve("checkpoint");
        Path old = Files.createDirectory(target);
        Files.writeString(old.resolve("config.json"), "{}");

        BowlineException failed = assertThrows(
                BowlineException.class,
                () -> AtomicDirectory.replace(target, 1234, aside -> {
                    Files.write(aside.resolve("model.safetensors"), new byte[100]);
                    throw new IOException("No space left on device");
                }));

        assertTrue(failed.problem().contains(target + " was not saved, which needs 1234 bytes"), failed.problem());
        assertTrue(failed.problem().matches("(?s).*its disk has \\d+ bytes left: No space left on device"));
        assertEquals("{}", Files.readString(target.resolve("config.json")));
        try (Stream<Path> left = Files.list(temporary)) {
            assertEquals(List.of(target), left.toList());
        }
    }

    private String onSmallDisk(String size, String what, String step) throws Exception {
        Path disk = Files.createDirectory(temporary.resolve("disk"));
        List<String> command = new ArrayList<>(List.of(
                "unshare",
                "-rm",
                "sh",
                "-c",
                "mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" || exit 77; shift 2; exec \"$@\"",
                "sh",
                size,
                disk.toString()));
        command.addAll(
                DyingSave.command(what, MODEL.toString(), disk.resolve("run").toString(), step));
        assumeTrue(disksCanBeMade(disk), "a disk of a few MiB takes Linux and a user namespace of one's own");
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String out = new String(process.getInputStream().readAllBytes());
        int exit = process.waitFor();
        assertEquals(0, exit, out);
        return out;
    }

    /// Asked apart from the test itself, so that a save that goes wrong is never taken for a system without disks.
    private static boolean disksCanBeMade(Path disk) throws InterruptedException {
        try {
            return new ProcessBuilder("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", disk.toString())
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException _) {
            return false; // no such program here
        }
    }
}
