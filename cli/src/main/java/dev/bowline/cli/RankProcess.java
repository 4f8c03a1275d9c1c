package dev.bowline.cli;

import dev.bowline.BowlineException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntSupplier;

/// The process of one rank, apart from its training: its end with the supervisor, its standard output without the lines
/// of native libraries, and the file that tells its launcher why it failed.
final class RankProcess {

    private RankProcess() {}

    /// Runs a rank.
    ///
    /// @param environment of this process
    /// @return the result of the rank; a failure of the rank is thrown here
    static int run(Map<String, String> environment, IntSupplier rank) {
        endWithSupervisor(Optional.ofNullable(environment.get(Supervisor.PROCESS_VARIABLE)));
        try {
            return rank.getAsInt();
        } catch (RuntimeException | Error e) {
            Optional.ofNullable(environment.get(ErrorFile.VARIABLE)).ifPresent(file -> write(Path.of(file), e));
            throw e;
        }
    }

    /// A supervisor that is killed cannot end its ranks.
    private static void endWithSupervisor(Optional<String> supervisor) {
        if (supervisor.isPresent() && !Posix.endWith(Long.parseLong(supervisor.get()))) {
            Posix.exitNow(ExitCode.RANK_FAILURE);
        }
    }

    /// torchrun shows the stack, which is of no use for an error that the user can fix.
    private static void write(Path file, Throwable failure) {
        String message = String.valueOf(failure.getMessage());
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        if (failure instanceof BowlineException known) {
            ErrorFile.write(file, message, message, Optional.of(new ErrorFile.Told(known.problem(), known.fix())));
        } else {
            ErrorFile.write(file, message, trace.toString(), Optional.empty());
        }
    }
}
