package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.distributed.Rendezvous;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/// The output of the ranks of a machine: the first rank has the streams of this process, the others have a file each.
///
/// @param directory of the files, made when it is needed
/// @param first the streams of the first rank
record RankLogs(Path directory, Redirect first) {

    static RankLogs in(Path directory, Console console) {
        return new RankLogs(directory, console.isOfProcess() ? Redirect.INHERIT : Redirect.PIPE);
    }

    /// The file of a rank, which grows with every start; the first rank has none.
    Path file(int rank) {
        return directory.resolve("rank-%d.log".formatted(rank));
    }

    private Path errorFile(int rank) {
        return directory.resolve("rank-%d.error.json".formatted(rank));
    }

    /// Gives the streams to the process of a rank.
    ///
    /// @param place of the rank
    void attach(ProcessBuilder process, Rendezvous place) {
        process.redirectInput(Redirect.from(new File("/dev/null")));
        if (place.localRank() == 0) {
            process.redirectOutput(first).redirectError(first);
            return;
        }
        Path file = file(place.rank());
        try {
            Files.createDirectories(directory);
            Files.deleteIfExists(errorFile(place.rank()));
            Files.writeString(
                    file,
                    "rank %d, start %d, %s%n"
                            .formatted(
                                    place.rank(),
                                    place.attempt() + 1,
                                    Instant.now().truncatedTo(ChronoUnit.SECONDS)),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new BowlineException(
                    "the log of rank %d cannot be written: %s".formatted(place.rank(), e.getMessage()),
                    "point checkpoint.checkpoint_dir at a directory that you may write",
                    e);
        }
        process.redirectErrorStream(true).redirectOutput(Redirect.appendTo(file.toFile()));
        process.environment().put(ErrorFile.VARIABLE, errorFile(place.rank()).toString());
    }

    /// Takes the message with which a rank failed, if the rank wrote one.
    Optional<String> takeMessage(int rank) {
        Optional<String> message = ErrorFile.message(errorFile(rank));
        try {
            Files.deleteIfExists(errorFile(rank));
        } catch (IOException _) {
            // The file is small, and the next start of the rank deletes it.
        }
        return message;
    }
}
