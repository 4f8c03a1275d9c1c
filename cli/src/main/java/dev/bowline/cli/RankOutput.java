package dev.bowline.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Copies the output of a process to a console that is not the process's own streams, until the process has ended.
final class RankOutput implements AutoCloseable {

    private final List<Thread> copies;

    private RankOutput(List<Thread> copies) {
        this.copies = copies;
    }

    static RankOutput of(Process process, Console console) {
        return new RankOutput(
                console.isOfProcess()
                        ? List.of()
                        : List.of(
                                copy(process.getInputStream(), console.out()),
                                copy(process.getErrorStream(), console.err())));
    }

    private static Thread copy(InputStream from, PrintWriter to) {
        return Thread.ofVirtual().start(() -> {
            try (Reader reader = new InputStreamReader(from, StandardCharsets.UTF_8)) {
                reader.transferTo(to);
                to.flush();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /// Waits for the end of the output.
    @Override
    public void close() {
        for (Thread copy : copies) {
            try {
                copy.join();
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
