package dev.bowline.cli;

import dev.bowline.distributed.Node;
import dev.bowline.distributed.Rendezvous;

/// The part of a process in a run.
sealed interface Launch {

    /// The process is the run.
    record Alone() implements Launch {}

    /// A launcher started the process as one rank.
    record OfRank(Rendezvous place) implements Launch {}

    /// The process starts the ranks of one machine and watches over them.
    record OfNode(Node node) implements Launch {}
}
