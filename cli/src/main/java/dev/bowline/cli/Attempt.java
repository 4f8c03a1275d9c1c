package dev.bowline.cli;

import dev.bowline.cli.RankProcesses.By;
import dev.bowline.cli.RankProcesses.End;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// The outcome of one start of all ranks of a machine.
sealed interface Attempt {

    /// Every rank ended with success.
    record Finished() implements Attempt {}

    /// A signal stopped the run.
    record Stopped(int exitCode) implements Attempt {}

    /// A rank ended in a way that another start would repeat: wrong input, or a bug.
    record Refused(End end) implements Attempt {}

    /// A rank failed, and another start may succeed.
    record Failed(End end) implements Attempt {}

    /// @param ends of all ranks, in their order
    static Attempt of(List<End> ends) {
        List<End> own = ends.stream().filter(end -> end.by() == By.ITSELF).toList();
        // Ranks often have one cause in common, and the output of the lowest rank is on the console.
        Optional<End> refused = own.stream()
                .filter(end -> end.isFailure() && end.exitCode() != ExitCode.RANK_FAILURE && end.exitCode() < 128)
                .min(Comparator.comparingInt(End::rank));
        if (refused.isPresent()) {
            return new Refused(refused.get());
        }
        Optional<End> first =
                own.stream().filter(end -> end.exitCode() != ExitCode.SUCCESS).findFirst();
        if (first.isPresent() && first.get().isStop()) {
            return new Stopped(first.get().exitCode());
        }
        // The others of a rank that died end with the code of a rank failure, and may be noticed first.
        return own.stream()
                .filter(End::isFailure)
                .min(Comparator.comparing(end -> end.exitCode() == ExitCode.RANK_FAILURE))
                .<Attempt>map(Failed::new)
                .orElseGet(Finished::new);
    }
}
