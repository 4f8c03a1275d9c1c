package dev.bowline.report;

import dev.bowline.BowlineVersion;
import dev.bowline.tensor.LibtorchProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.stream.Stream;

/// The programs and the machine of a run, as rows of a table.
final class RunEnvironment {

    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    private RunEnvironment() {}

    /// @param ranks the number of processes of the run
    static SequencedMap<String, String> of(int ranks) {
        SequencedMap<String, String> rows = new LinkedHashMap<>();
        rows.put("bowline", BowlineVersion.current());
        rows.put("pytorch", BowlineVersion.pytorch() + " (org.bytedeco)");
        rows.put("java", "%s, %s".formatted(System.getProperty("java.vm.name"), Runtime.version()));
        rows.put(
                "system",
                "%s %s, %s"
                        .formatted(
                                System.getProperty("os.name"),
                                System.getProperty("os.version"),
                                System.getProperty("os.arch")));
        rows.put("processor", processor());
        rows.put("instructions", LibtorchProcess.instructions());
        rows.put("threads", Integer.toString(LibtorchProcess.threads()));
        rows.put("ranks", Integer.toString(ranks));
        return rows;
    }

    private static String processor() {
        int visible = Runtime.getRuntime().availableProcessors();
        return "%s, %s".formatted(model(), Quantity.count(visible, "processor"));
    }

    private static String model() {
        try (Stream<String> lines = Files.lines(PROCESSORS)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException _) {
            return Objects.requireNonNullElse(System.getenv("PROCESSOR_IDENTIFIER"), "unknown"); // Windows
        }
    }
}
