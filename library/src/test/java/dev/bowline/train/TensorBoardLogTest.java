package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A run with `logging.tensorboard` writes an event file each time it starts or resumes. The values are compared with
/// the logs by TensorBoard's own reader, in `tools/tensorboard_events.py`.
class TensorBoardLogTest {

    private static final String[] USUAL = {
        "logging.tensorboard=true",
        "step_scheduler.max_steps=3",
        "step_scheduler.ckpt_every_steps=1",
        "step_scheduler.val_every_steps=1"
    };

    private final Path checkpoints;
    private final DemoRuns demo;

    TensorBoardLogTest(@TempDir Path directory) {
        checkpoints = directory.resolve("run");
        demo = new DemoRuns(directory);
    }

    @Test
    void aResumedRunBeginsAFileThatReplacesTheStepsItTakesAgain() throws IOException {
        demo.run("run", "float32", USUAL);
        Path older = checkpoints.resolve("step_2").toAbsolutePath();
        demo.run("run", "float32", DemoRuns.with(USUAL, "checkpoint.restore_from=" + older));

        List<Path> files = files();
        // The version and the start of the session; then the step and the validation of each step.
        assertEquals(List.of(2 + 3 * 2, 2 + 2), List.of(events(files.get(0)), events(files.get(1))));
        assertEquals(1, firstStep(files.get(0)));
        assertEquals(3, firstStep(files.get(1)));
    }

    @Test
    void aRunThatCannotWriteEventFilesTrainsOnAndSaysSo() throws IOException {
        Files.createDirectories(checkpoints);
        Files.writeString(checkpoints.resolve("tensorboard"), "a file");

        RunReport report = demo.run("run", "float32", USUAL);

        assertEquals(3, report.lastStep().orElseThrow().step());
        List<String> warnings = report.notes().stream()
                .filter(note -> note.contains("TensorBoard"))
                .toList();
        assertEquals(1, warnings.size(), warnings::toString);
        assertTrue(warnings.getFirst().startsWith("warning: "), warnings::toString);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(checkpoints.resolve("tensorboard"))) {
            return files.sorted().toList();
        }
    }

    private static int events(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int events = 0;
        while (bytes.hasRemaining()) {
            long length = bytes.getLong();
            bytes.position(bytes.position() + Integer.BYTES + Math.toIntExact(length) + Integer.BYTES);
            events++;
        }
        return events;
    }

    /// The step of the second event, the start of the session: after the time, in one byte.
    private static int firstStep(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int second = Long.BYTES + Integer.BYTES + Math.toIntExact(bytes.getLong()) + Integer.BYTES;
        int time = 1 + Double.BYTES;
        return bytes.get(second + Long.BYTES + Integer.BYTES + time + 1);
    }
}
