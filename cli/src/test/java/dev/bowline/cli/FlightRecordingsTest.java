package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What Java Flight Recorder was asked to record of a command is in its file when the command has ended.
class FlightRecordingsTest {

    @TempDir
    private Path directory = Path.of("");

    private List<String> recorded(String... arguments) throws IOException, InterruptedException {
        Path file = directory.resolve("run.jfr");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:StartFlightRecording:filename=" + file,
                "-cp",
                System.getProperty("java.class.path"),
                Bowline.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertEquals(0, process.waitFor());
        return RecordingFile.readAllEvents(file).stream()
                .map(event -> event.getEventType().getName())
                .toList();
    }

    @Test
    void ofACommandThatLoadsAModel() throws IOException, InterruptedException {
        String model = Path.of("src", "main", "resources", "demo", "model").toString();

        List<String> events = recorded("generate", model, "--prompt", "a", "--max-new-tokens", "1");

        assertTrue(events.contains("dev.bowline.Load"), "%d events".formatted(events.size()));
    }

    @Test
    void ofAPlainCommand() throws IOException, InterruptedException {
        assertTrue(recorded("version").contains("jdk.JVMInformation"));
    }
}
