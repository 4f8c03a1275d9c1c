package dev.bowline.distributed;

import dev.bowline.BowlineException;
import java.util.Map;
import java.util.Optional;

/// The place of one process in a world of ranks, and the address where the ranks meet.
///
/// @param rank from 0
/// @param worldSize number of ranks
/// @param localRank rank among the processes of this machine, from 0
/// @param masterAddress host of rank 0, a name or an address
/// @param masterPort port on which rank 0 serves the store
/// @param job name that the ranks of one run share
/// @param attempt number of restarts before this start, from 0
/// @param server the process that serves the store at the address
public record Rendezvous(
        int rank,
        int worldSize,
        int localRank,
        String masterAddress,
        int masterPort,
        String job,
        int attempt,
        Server server) {

    /// The process that serves the store.
    public enum Server {
        RANK_0,
        /// The launcher, as torchrun does: the store exists before the ranks, and outlives them.
        LAUNCHER
    }

    static final int MOST_PORT = 65_535;

    public Rendezvous {
        requireInside("rank", rank, 0, worldSize - 1);
        requireInside("localRank", localRank, 0, worldSize - 1);
        requireInside("masterPort", masterPort, 1, MOST_PORT);
        requireInside("attempt", attempt, 0, Integer.MAX_VALUE);
        if (masterAddress.isBlank() || job.isBlank()) {
            throw new IllegalArgumentException("masterAddress and job must not be blank");
        }
    }

    /// A place whose store rank 0 serves.
    public Rendezvous(
            int rank, int worldSize, int localRank, String masterAddress, int masterPort, String job, int attempt) {
        this(rank, worldSize, localRank, masterAddress, masterPort, job, attempt, Server.RANK_0);
    }

    /// The place that a launcher gives to this process: torchrun or another launcher of PyTorch (`RANK`,
    /// `WORLD_SIZE`, `MASTER_ADDR`, `MASTER_PORT`), `srun` of Slurm, or `mpirun` of Open MPI, in this order.
    ///
    /// @param environment the variables of this process
    /// @return empty if no launcher declares a world. A step of one task in Slurm declares none, because an
    ///     interactive shell is one
    /// @throws BowlineException if a variable is missing or wrong
    public static Optional<Rendezvous> of(Map<String, String> environment) {
        return LauncherVariables.place(environment);
    }

    /// The variables of PyTorch's launchers that give this place to a process, as [#of] reads them.
    public Map<String, String> environment() {
        return Map.of(
                "RANK",
                Integer.toString(rank),
                "WORLD_SIZE",
                Integer.toString(worldSize),
                "LOCAL_RANK",
                Integer.toString(localRank),
                "MASTER_ADDR",
                masterAddress,
                "MASTER_PORT",
                Integer.toString(masterPort),
                "TORCHELASTIC_RUN_ID",
                job,
                "TORCHELASTIC_RESTART_COUNT",
                Integer.toString(attempt),
                LauncherVariables.AGENT_STORE,
                server == Server.LAUNCHER ? LauncherVariables.TRUE : "False");
    }

    static void requireInside(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException("%s %d is outside of %d to %d".formatted(name, value, least, most));
        }
    }
}
