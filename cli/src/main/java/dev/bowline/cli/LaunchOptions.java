package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.distributed.Node;
import dev.bowline.distributed.Rendezvous;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// The ranks of a run: given by options, or by the environment of a launcher.
final class LaunchOptions {

    private static final String NPROC = "--nproc";
    private static final String NNODES = "--nnodes";
    private static final String NODE_RANK = "--node-rank";
    private static final String MASTER = "--master";

    /// The number of ranks on this machine, for a rank.
    static final String LOCAL_WORLD_SIZE = "LOCAL_WORLD_SIZE";

    /// The options, which a rank does not get.
    static final List<String> NAMES = List.of(NPROC, NNODES, NODE_RANK, MASTER);

    @Option(names = NPROC, paramLabel = "N", description = "Train with N processes (ranks) on this machine.")
    private @Nullable Integer nproc;

    @Option(names = NNODES, paramLabel = "M", description = "Number of machines; each starts N ranks.")
    private @Nullable Integer nnodes;

    @Option(names = NODE_RANK, paramLabel = "K", description = "Number of this machine, from 0.")
    private @Nullable Integer nodeRank;

    @Option(names = MASTER, paramLabel = "HOST:PORT", description = "Address of machine 0, and a free port there.")
    private @Nullable String master;

    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    /// @throws CommandLine.ParameterException if the options contradict each other
    /// @throws BowlineException if the environment is wrong, or contradicts the options
    Launch launch(Map<String, String> environment) {
        Optional<Rendezvous> place = Rendezvous.of(environment);
        if (isGiven() && place.isPresent()) {
            throw new BowlineException(
                    "a launcher started this process as rank %d of %d, and %s asks it to start ranks itself"
                            .formatted(place.get().rank(), place.get().worldSize(), given()),
                    "remove " + given() + ", or unset RANK and WORLD_SIZE");
        }
        if (place.isPresent()) {
            return new Launch.OfRank(place.get());
        }
        Optional<Node> node = nnodes == null && nodeRank == null && master == null
                ? ofProcesses(environment)
                : Optional.of(ofMachines(nnodes == null ? 1 : nnodes));
        return node.<Launch>map(Launch.OfNode::new).orElseGet(Launch.Alone::new);
    }

    /// The ranks on this machine that a launcher declares; 1 if it does not say.
    static int localWorldSize(Map<String, String> environment) {
        String declared = environment.getOrDefault(LOCAL_WORLD_SIZE, "");
        return declared.matches("[1-9]\\d{0,5}") ? Integer.parseInt(declared) : 1;
    }

    private Optional<Node> ofProcesses(Map<String, String> environment) {
        Optional<Node> declared = Node.of(environment);
        if (nproc == null) {
            return declared;
        }
        int processes = positive(NPROC, nproc);
        return Optional.of(declared.map(node -> node.withProcesses(processes)).orElseGet(() -> Node.alone(processes)));
    }

    private Node ofMachines(int count) {
        positive(NNODES, count);
        int processes = nproc == null ? 1 : positive(NPROC, nproc);
        if (count == 1 && nodeRank == null && master == null) {
            return Node.alone(processes);
        }
        if (nnodes == null || nodeRank == null || master == null) {
            throw usage("%s, %s and %s are given together".formatted(NNODES, NODE_RANK, MASTER));
        }
        if (nodeRank < 0 || nodeRank >= count) {
            throw usage("%s %d is not one of 0 to %d".formatted(NODE_RANK, nodeRank, count - 1));
        }
        String address = master;
        return Node.of(nodeRank, count, processes, address)
                .orElseThrow(
                        () -> usage("%s %s: expected HOST:PORT, such as 10.0.0.1:29500".formatted(MASTER, address)));
    }

    private boolean isGiven() {
        return nproc != null || nnodes != null || nodeRank != null || master != null;
    }

    private String given() {
        return Stream.of(NPROC, NNODES, NODE_RANK, MASTER)
                .filter(name -> Objects.requireNonNull(spec)
                        .commandLine()
                        .getParseResult()
                        .hasMatchedOption(name))
                .findFirst()
                .orElse(NPROC);
    }

    private int positive(String name, int value) {
        if (value < 1) {
            throw usage("%s %d: expected a number of at least 1".formatted(name, value));
        }
        return value;
    }

    private CommandLine.ParameterException usage(String problem) {
        return new CommandLine.ParameterException(Objects.requireNonNull(spec).commandLine(), problem);
    }
}
