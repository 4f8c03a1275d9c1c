package dev.bowline.tracking;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// One event file of TensorBoard. TensorBoard merges all event files of a directory, in the order of their names.
///
/// Each record is in the file when the method that writes it returns. The file is open only meanwhile.
public final class TensorBoardFile {

    private static final String PREFIX = "events.out.tfevents.";
    private static final Pattern NAME = Pattern.compile("events\\.out\\.tfevents\\.([0-9]{1,18})\\..*");

    private final Path file;
    private final Clock clock;

    private TensorBoardFile(Path file, Clock clock) {
        this.file = file;
        this.clock = clock;
    }

    /// Begins a file whose events replace the events of earlier files in the directory from a step on.
    ///
    /// @param directory made when it is missing
    /// @param host the name of this machine, in the name of the file
    /// @param firstStep the first step of the events that follow
    public static TensorBoardFile begin(Path directory, String host, long firstStep, Clock clock) throws IOException {
        Files.createDirectories(directory);
        // TensorBoard reads files in the order of their names, and a clock may have been set back.
        long seconds = Math.max(clock.instant().getEpochSecond(), newest(directory) + 1);
        Path file = directory.resolve("%s%010d.%s.%d.0"
                .formatted(
                        PREFIX,
                        seconds,
                        host.replaceAll("[^A-Za-z0-9.-]", "-"),
                        ProcessHandle.current().pid()));
        TensorBoardFile events = new TensorBoardFile(file, clock);
        Instant now = clock.instant();
        Files.write(file, TensorBoardEvents.fileVersion(now), StandardOpenOption.CREATE_NEW);
        events.append(TensorBoardEvents.sessionStart(now, firstStep));
        return events;
    }

    private static long newest(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(each -> NAME.matcher(each.getFileName().toString()))
                    .filter(Matcher::matches)
                    .mapToLong(name -> Long.parseLong(name.group(1)))
                    .max()
                    .orElse(0);
        }
    }

    /// Appends the figures of one step.
    ///
    /// @param values by tag; TensorBoard has them in 32 bits
    public void scalars(long step, SequencedMap<String, Double> values) throws IOException {
        append(TensorBoardEvents.scalars(clock.instant(), step, values));
    }

    private void append(byte[] record) throws IOException {
        Files.write(file, record, StandardOpenOption.APPEND);
    }

    public Path path() {
        return file;
    }
}
