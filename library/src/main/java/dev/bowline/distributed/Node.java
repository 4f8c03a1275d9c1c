package dev.bowline.distributed;

import dev.bowline.BowlineException;
import java.util.Map;
import java.util.Optional;

/// One machine of a run, which starts its ranks itself. Every machine has the same number of ranks.
///
/// @param rank of the machine, from 0
/// @param count number of machines
/// @param processes ranks of each machine
/// @param masterAddress host of rank 0, a name or an address
/// @param masterPort port on which rank 0 serves the store; 0 on one machine, where a free port is chosen
/// @param job name that the ranks of one run share
public record Node(int rank, int count, int processes, String masterAddress, int masterPort, String job) {

    static final String JOB = "bowline";
    private static final String LOOPBACK = "127.0.0.1";

    public Node {
        Rendezvous.requireInside("processes", processes, 1, Integer.MAX_VALUE / Math.max(1, count));
        Rendezvous.requireInside("rank", rank, 0, count - 1);
        Rendezvous.requireInside("masterPort", masterPort, count == 1 ? 0 : 1, Rendezvous.MOST_PORT);
    }

    /// The only machine of a run.
    public static Node alone(int processes) {
        return new Node(0, 1, processes, LOOPBACK, 0, JOB);
    }

    /// One of several machines.
    ///
    /// @param master `HOST:PORT`, where rank 0 serves the store; an IPv6 address is in brackets
    /// @return empty if `master` has another form
    public static Optional<Node> of(int rank, int count, int processes, String master) {
        return NodeVariables.master(master)
                .map(at ->
                        count == 1 ? alone(processes) : new Node(rank, count, processes, at.address(), at.port(), JOB));
    }

    /// The machine that Kubernetes declares. Kubeflow Trainer sets the variables of torchrun (`PET_NNODES`,
    /// `PET_NPROC_PER_NODE`, `PET_NODE_RANK`, `PET_MASTER_ADDR`, `PET_MASTER_PORT`), which come first; a pod of an
    /// Indexed Job has `JOB_COMPLETION_INDEX`, and the user sets `BOWLINE_NODES` and `BOWLINE_MASTER`.
    ///
    /// @param environment the variables of this process
    /// @return empty if the variables declare no machine
    /// @throws BowlineException if a variable is missing or wrong
    public static Optional<Node> of(Map<String, String> environment) {
        return NodeVariables.node(environment);
    }

    /// Refuses a platform on which ranks cannot communicate, and loads no native library.
    ///
    /// @throws BowlineException on such a platform
    public static void requirePlatform() {
        GlooSupport.require();
    }

    /// The number of ranks of all machines.
    public int worldSize() {
        return Math.multiplyExact(count, processes);
    }

    /// The same machine with another number of ranks.
    public Node withProcesses(int each) {
        return new Node(rank, count, each, masterAddress, masterPort, job);
    }

    /// The place of a rank of this machine.
    ///
    /// @param localRank from 0
    /// @param port on which rank 0 serves the store
    /// @param restarts of the ranks of this machine before. Several machines do not count alike, so the place of
    ///     a rank of several machines has no number of restarts
    public Rendezvous place(int localRank, int port, int restarts) {
        int attempt = count == 1 ? restarts : 0;
        return new Rendezvous(rank * processes + localRank, worldSize(), localRank, masterAddress, port, job, attempt);
    }
}
