package dev.bowline.distributed;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The environment variables with which launchers declare a world.
final class LauncherVariables {

    private static final String RANK = "RANK";
    private static final String WORLD_SIZE = "WORLD_SIZE";
    private static final String LOCAL_RANK = "LOCAL_RANK";
    private static final String MASTER_ADDR = "MASTER_ADDR";
    private static final String MASTER_PORT = "MASTER_PORT";

    /// True where torchrun serves the store itself.
    static final String AGENT_STORE = "TORCHELASTIC_USE_AGENT_STORE";

    static final String TRUE = "True";

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

    /// The first name of `node[01-04,07],gpu3`: text, and perhaps the first number of a list in brackets.
    private static final Pattern FIRST_NODE = Pattern.compile("([^,\\[\\]]+)(?:\\[(\\d+)[^\\]]*\\]([^,\\[\\]]*))?.*");

    private final Variables variables;

    private LauncherVariables(Map<String, String> environment) {
        variables = new Variables(environment, "a world of ranks");
    }

    static Optional<Rendezvous> place(Map<String, String> environment) {
        return new LauncherVariables(environment).place();
    }

    private Optional<Rendezvous> place() {
        if (variables.hasAny(RANK, WORLD_SIZE)) {
            return Optional.of(torch());
        }
        if (variables.has(SLURM_TASKS)) {
            return slurm();
        }
        if (variables.hasAny(MPI_WORLD_SIZE, MPI_RANK)) {
            return Optional.of(openMpi());
        }
        return variables.hasAny(LOCAL_RANK, MASTER_ADDR, MASTER_PORT) ? Optional.of(torch()) : Optional.empty();
    }

    private Rendezvous torch() {
        variables.requireAll(TORCH);
        int world = variables.number(WORLD_SIZE, 1, Integer.MAX_VALUE);
        int rank = variables.number(RANK, 0, world - 1);
        int local = variables.has(LOCAL_RANK) ? variables.number(LOCAL_RANK, 0, world - 1) : 0;
        return masterNamed(rank, world, local);
    }

    private Optional<Rendezvous> slurm() {
        int world = variables.number(SLURM_TASKS, 1, Integer.MAX_VALUE);
        if (world == 1) {
            return Optional.empty();
        }
        variables.requireAll(List.of(SLURM_RANK, SLURM_LOCAL_RANK));
        int rank = variables.number(SLURM_RANK, 0, world - 1);
        int local = variables.number(SLURM_LOCAL_RANK, 0, world - 1);
        if (variables.hasAny(MASTER_ADDR, MASTER_PORT)) {
            variables.requireAll(List.of(MASTER_ADDR, MASTER_PORT));
            return Optional.of(masterNamed(rank, world, local));
        }
        variables.requireAll(List.of(SLURM_NODES, SLURM_JOB));
        int job = variables.number(SLURM_JOB, 0, Integer.MAX_VALUE);
        return Optional.of(new Rendezvous(
                rank, world, local, firstNode(variables.value(SLURM_NODES)), slurmPort(job), "slurm-" + job, 0));
    }

    /// A port that the tasks of a job agree on without communication, above those of system services.
    private static int slurmPort(int job) {
        return 15_000 + job % 15_000;
    }

    private String firstNode(String nodes) {
        Matcher matcher = FIRST_NODE.matcher(nodes);
        if (!matcher.matches()) {
            throw variables.wrong(SLURM_NODES, "a list of nodes");
        }
        String number = matcher.group(2) == null ? "" : matcher.group(2);
        String suffix = matcher.group(3) == null ? "" : matcher.group(3);
        return matcher.group(1) + number + suffix;
    }

    private Rendezvous openMpi() {
        variables.requireAll(List.of(MPI_RANK, MPI_WORLD_SIZE, MPI_LOCAL_RANK, MASTER_ADDR, MASTER_PORT));
        int world = variables.number(MPI_WORLD_SIZE, 1, Integer.MAX_VALUE);
        return masterNamed(
                variables.number(MPI_RANK, 0, world - 1), world, variables.number(MPI_LOCAL_RANK, 0, world - 1));
    }

    private Rendezvous masterNamed(int rank, int world, int local) {
        return new Rendezvous(
                rank,
                world,
                local,
                variables.value(MASTER_ADDR),
                variables.number(MASTER_PORT, 1, Rendezvous.MOST_PORT),
                variables.has("TORCHELASTIC_RUN_ID") ? variables.value("TORCHELASTIC_RUN_ID") : "bowline",
                variables.has("TORCHELASTIC_RESTART_COUNT")
                        ? variables.number("TORCHELASTIC_RESTART_COUNT", 0, Integer.MAX_VALUE)
                        : 0,
                variables.value(AGENT_STORE).equals(TRUE) ? Rendezvous.Server.LAUNCHER : Rendezvous.Server.RANK_0);
    }
}
