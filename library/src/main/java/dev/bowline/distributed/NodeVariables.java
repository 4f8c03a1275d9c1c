package dev.bowline.distributed;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The environment variables that declare a machine and leave the start of its ranks to the program.
final class NodeVariables {

    private static final String PET_NODES = "PET_NNODES";
    private static final String PET_PROCESSES = "PET_NPROC_PER_NODE";
    private static final String PET_RANK = "PET_NODE_RANK";
    private static final String PET_ADDRESS = "PET_MASTER_ADDR";
    private static final String PET_PORT = "PET_MASTER_PORT";

    private static final String JOB_INDEX = "JOB_COMPLETION_INDEX";
    private static final String NODES = "BOWLINE_NODES";
    private static final String MASTER = "BOWLINE_MASTER";

    /// An address and a port; an IPv6 address is in brackets.
    private static final Pattern HOST_AND_PORT = Pattern.compile("(?:\\[([^\\[\\]]+)\\]|([^:\\[\\]]+)):(\\d{1,5})");

    private final Variables variables;

    private NodeVariables(Map<String, String> environment) {
        variables = new Variables(environment, "a machine of a run");
    }

    static Optional<Node> node(Map<String, String> environment) {
        return new NodeVariables(environment).node();
    }

    /// Reads `HOST:PORT`.
    static Optional<Master> master(String text) {
        Matcher matcher = HOST_AND_PORT.matcher(text.strip());
        if (!matcher.matches()) {
            return Optional.empty();
        }
        int port = Integer.parseInt(matcher.group(3));
        String host = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
        return port < 1 || port > Rendezvous.MOST_PORT ? Optional.empty() : Optional.of(new Master(host, port));
    }

    record Master(String address, int port) {}

    private Optional<Node> node() {
        if (variables.hasAny(PET_NODES, PET_PROCESSES, PET_RANK, PET_ADDRESS, PET_PORT)) {
            return Optional.of(torchrun());
        }
        return variables.hasAny(NODES, MASTER) ? Optional.of(indexedJob()) : Optional.empty();
    }

    private Node torchrun() {
        variables.requireAll(List.of(PET_NODES, PET_PROCESSES));
        int nodes = variables.number(PET_NODES, 1, Integer.MAX_VALUE);
        if (nodes == 1) {
            return Node.alone(processes());
        }
        variables.requireAll(List.of(PET_NODES, PET_PROCESSES, PET_RANK, PET_ADDRESS, PET_PORT));
        return new Node(
                variables.number(PET_RANK, 0, nodes - 1),
                nodes,
                processes(),
                variables.value(PET_ADDRESS),
                variables.number(PET_PORT, 1, Rendezvous.MOST_PORT),
                Node.JOB);
    }

    /// A rank on processors uses all of them, so `auto` and `cpu` are one rank.
    private int processes() {
        String text = variables.value(PET_PROCESSES);
        return switch (text) {
            case "auto", "cpu" -> 1;
            case "gpu" -> throw variables.wrong(PET_PROCESSES, "a number, auto or cpu");
            default -> variables.number(PET_PROCESSES, 1, Integer.MAX_VALUE);
        };
    }

    private Node indexedJob() {
        variables.requireAll(List.of(JOB_INDEX, NODES, MASTER));
        int nodes = variables.number(NODES, 1, Integer.MAX_VALUE);
        int rank = variables.number(JOB_INDEX, 0, nodes - 1);
        Master master = master(variables.value(MASTER))
                .orElseThrow(() -> variables.wrong(MASTER, "HOST:PORT, such as tune-0.tune:29500"));
        return nodes == 1 ? Node.alone(1) : new Node(rank, nodes, 1, master.address, master.port, Node.JOB);
    }
}
