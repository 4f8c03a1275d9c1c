package dev.bowline.fuzz;

import dev.bowline.Remedy;
import dev.bowline.audit.AuditSummary;
import java.time.ZonedDateTime;
import java.time.ZoneId;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.report.AuditHtml;
import dev.bowline.report.AuditJson;
import dev.bowline.report.AuditText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/// Whatever config.json and header a checkpoint has, an audit ends with findings or a message; both can be shown.
public final class AuditFuzzer {

    private static final Path CHECKPOINT = Scratch.directory();

    private AuditFuzzer() {}

    /// Called by Jazzer with bytes of its choice: config.json up to the first zero, then a header up to the next,
    /// then what the tensors hold.
    public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
        int first = zero(bytes, 0);
        int second = zero(bytes, Math.min(first + 1, bytes.length));
        Files.write(CHECKPOINT.resolve("config.json"), Arrays.copyOf(bytes, first));
        byte[] header = Arrays.copyOfRange(bytes, Math.min(first + 1, second), second);
        byte[] file = HeaderFuzzer.withLength(header);
        int data = bytes.length - Math.min(second + 1, bytes.length);
        byte[] whole = Arrays.copyOf(file, file.length + data);
        System.arraycopy(bytes, bytes.length - data, whole, file.length, data);
        Files.write(CHECKPOINT.resolve("model.safetensors"), whole);
        List<AuditOutcome> outcomes = List.of(AuditOutcome.of(CHECKPOINT, AuditOptions.NONE));
        new AuditText(Remedy::words).text(outcomes);
        new AuditJson(Remedy::words).json(outcomes);
        new AuditHtml(Remedy::words, ZonedDateTime.now(ZoneId.systemDefault())).html(AuditSummary.of(outcomes));
    }

    private static int zero(byte[] bytes, int from) {
        for (int i = from; i < bytes.length; i++) {
            if (bytes[i] == 0) {
                return i;
            }
        }
        return bytes.length;
    }
}
