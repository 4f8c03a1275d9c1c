package dev.bowline.distributed;

import dev.bowline.BowlineException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The environment variables with which launchers declare a world.
final class LauncherVariables {

    private static final String RANK = "RANK";
    private static final String WORLD_SIZE = "WORLD_SIZE";
    private static final String LOCAL_RANK = "LOCAL_RANK";
    private static final String MASTER_ADDR = "MASTER_ADDR";
    private static final String MASTER_PORT = "MASTER_PORT";
    private static final List<String> TORCH = List.of(RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT);

    /// Set by `srun` only; a batch script has `SLURM_PROCID` and `SLURM_NTASKS` too, and is one process.
    private static final String SLURM_TASKS = "SLURM_STEP_NUM_TASKS";

    private static final String SLURM_RANK = "SLURM_PROCID";
    private static final String SLURM_LOCAL_RANK = "SLURM_LOCALID";
    private static final String SLURM_NODES = "SLURM_STEP_NODELIST";
    private static final String SLURM_JOB = "SLURM_JOB_ID";

    private static final String MPI_WORLD_SIZE = "OMPI_COMM_WORLD_SIZE";
    private static final String MPI_RANK = "OMPI_COMM_WORLD_RANK";
    private static final String MPI_LOCAL_RANK = "OMPI_COMM_WORLD_LOCAL_RANK";

    private static final int MOST_PORT = 65_535;

    /// The first name of `node[01-04,07],gpu3`: text, and perhaps the first number of a list in brackets.
    private static final Pattern FIRST_NODE = Pattern.compile("([^,\\[\\]]+)(?:\\[(\\d+)[^\\]]*\\]([^,\\[\\]]*))?.*");

    private final Map<String, String> environment;
    private final String launcher;

    private LauncherVariables(Map<String, String> environment, String launcher) {
        this.environment = environment;
        this.launcher = launcher;
    }

    static Optional<Rendezvous> place(Map<String, String> environment) {
        if (has(environment, RANK) || has(environment, WORLD_SIZE)) {
            return Optional.of(new LauncherVariables(environment, "the launcher").torch());
        }
        if (has(environment, SLURM_TASKS)) {
            return new LauncherVariables(environment, "srun").slurm();
        }
        if (has(environment, MPI_WORLD_SIZE) || has(environment, MPI_RANK)) {
            return Optional.of(new LauncherVariables(environment, "mpirun").openMpi());
        }
        return TORCH.stream().anyMatch(name -> has(environment, name)) || has(environment, LOCAL_RANK)
                ? Optional.of(new LauncherVariables(environment, "the launcher").torch())
                : Optional.empty();
    }

    private Rendezvous torch() {
        requireAll(TORCH);
        int world = number(WORLD_SIZE, 1, Integer.MAX_VALUE);
        int rank = number(RANK, 0, world - 1);
        int local = has(environment, LOCAL_RANK) ? number(LOCAL_RANK, 0, world - 1) : 0;
        return masterNamed(rank, world, local);
    }

    private Optional<Rendezvous> slurm() {
        int world = number(SLURM_TASKS, 1, Integer.MAX_VALUE);
        if (world == 1) {
            return Optional.empty();
        }
        requireAll(List.of(SLURM_RANK, SLURM_LOCAL_RANK));
        int rank = number(SLURM_RANK, 0, world - 1);
        int local = number(SLURM_LOCAL_RANK, 0, world - 1);
        if (has(environment, MASTER_ADDR) || has(environment, MASTER_PORT)) {
            requireAll(List.of(MASTER_ADDR, MASTER_PORT));
            return Optional.of(masterNamed(rank, world, local));
        }
        requireAll(List.of(SLURM_NODES, SLURM_JOB));
        int job = number(SLURM_JOB, 0, Integer.MAX_VALUE);
        return Optional.of(
                new Rendezvous(rank, world, local, firstNode(value(SLURM_NODES)), slurmPort(job), "slurm-" + job, 0));
    }

    /// A port that the tasks of a job agree on without communication, above those of system services.
    private static int slurmPort(int job) {
        return 15_000 + job % 15_000;
    }

    private String firstNode(String nodes) {
        Matcher matcher = FIRST_NODE.matcher(nodes);
        if (!matcher.matches()) {
            throw wrong(SLURM_NODES, "a list of nodes");
        }
        String number = matcher.group(2) == null ? "" : matcher.group(2);
        String suffix = matcher.group(3) == null ? "" : matcher.group(3);
        return matcher.group(1) + number + suffix;
    }

    private Rendezvous openMpi() {
        requireAll(List.of(MPI_RANK, MPI_WORLD_SIZE, MPI_LOCAL_RANK, MASTER_ADDR, MASTER_PORT));
        int world = number(MPI_WORLD_SIZE, 1, Integer.MAX_VALUE);
        return masterNamed(number(MPI_RANK, 0, world - 1), world, number(MPI_LOCAL_RANK, 0, world - 1));
    }

    private Rendezvous masterNamed(int rank, int world, int local) {
        return new Rendezvous(
                rank,
                world,
                local,
                value(MASTER_ADDR),
                number(MASTER_PORT, 1, MOST_PORT),
                environment.getOrDefault("TORCHELASTIC_RUN_ID", "bowline"),
                has(environment, "TORCHELASTIC_RESTART_COUNT")
                        ? number("TORCHELASTIC_RESTART_COUNT", 0, Integer.MAX_VALUE)
                        : 0);
    }

    private void requireAll(List<String> names) {
        List<String> missing =
                names.stream().filter(name -> !has(environment, name)).toList();
        if (missing.isEmpty()) {
            return;
        }
        List<String> present = Stream.concat(names.stream(), Stream.of(LOCAL_RANK, SLURM_TASKS))
                .filter(name -> has(environment, name))
                .toList();
        throw new BowlineException(
                "the environment declares a world of ranks with %s and without %s"
                        .formatted(String.join(", ", present), String.join(", ", missing)),
                "set %s, or unset %s to train in one process"
                        .formatted(String.join(" and ", missing), String.join(" and ", present)));
    }

    private int number(String name, int least, int most) {
        try {
            int value = Integer.parseInt(value(name).strip());
            if (value >= least && value <= most) {
                return value;
            }
        } catch (NumberFormatException _) {
            // Reported below, as a number outside of the range is.
        }
        throw wrong(name, "an integer from %d to %d".formatted(least, most));
    }

    private BowlineException wrong(String name, String expected) {
        return new BowlineException(
                "the environment variable %s of %s is '%s', and not %s"
                        .formatted(name, launcher, value(name), expected),
                "correct it, or unset the variables of the launcher to train in one process");
    }

    private String value(String name) {
        return environment.getOrDefault(name, "");
    }

    /// An empty variable counts as unset, as shells set it.
    private static boolean has(Map<String, String> environment, String name) {
        return !environment.getOrDefault(name, "").isBlank();
    }
}
