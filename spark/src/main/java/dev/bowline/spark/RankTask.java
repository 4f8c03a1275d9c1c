package dev.bowline.spark;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.bowline.cli.RankProgram;
import dev.bowline.cli.RankProgram.End;
import dev.bowline.distributed.Rendezvous;
import java.io.IOException;
import java.io.Serial;
import java.io.Serializable;
import java.lang.ProcessBuilder.Redirect;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.BarrierTaskInfo;
import scala.Function1;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;

/// The task of one rank: starts a process of the command line as the rank, and returns the output of the first rank.
///
/// The process is apart from the executor, because the allocator's settings need a new process, and because a crash of
/// native code ends only the process then.
final class RankTask implements Function1<Iterator<Integer>, Iterator<String>>, Serializable {

    @Serial
    private static final long serialVersionUID = 1;

    private final RankJob job;
    private final int attempt;

    /// @param attempt number of starts before this one
    RankTask(RankJob job, int attempt) {
        this.job = job;
        this.attempt = attempt;
    }

    @Override
    public Iterator<String> apply(Iterator<Integer> ranks) {
        BarrierTaskContext context = BarrierTaskContext.get();
        List<String> hosts =
                Stream.of(context.getTaskInfos()).map(RankTask::host).toList();
        int rank = context.partitionId();
        String host = hosts.get(rank);
        job.requireFiles("rank %d on %s".formatted(rank, host));
        try {
            // The other ranks reach rank 0 at the address of its executor.
            String[] ports = context.allGather(rank == 0 ? Integer.toString(freePort()) : "");
            Rendezvous place = new Rendezvous(
                    rank,
                    hosts.size(),
                    (int) hosts.subList(0, rank).stream().filter(host::equals).count(),
                    hosts.getFirst(),
                    Integer.parseInt(ports[0]),
                    job.name(),
                    attempt);
            int onHost = (int) hosts.stream().filter(host::equals).count();
            return CollectionConverters.asScala(
                    List.of(run(context, place, onHost, host)).iterator());
        } catch (IOException e) {
            throw new RankEnded(
                    End.REFUSED,
                    "rank %d on %s does not start: %s".formatted(rank, host, e.getMessage()),
                    "check that the executors may write to %s and start processes".formatted(job.logs()));
        }
    }

    private String run(BarrierTaskContext context, Rendezvous place, int onHost, String host) throws IOException {
        int rank = place.rank();
        Path logs = Files.createDirectories(job.logs());
        Path log = logs.resolve("rank-%d.log".formatted(rank));
        Path errorFile = logs.resolve("rank-%d.error.json".formatted(rank));
        Files.deleteIfExists(errorFile);
        Files.writeString(
                log,
                "rank %d on %s, start %d, %s%n"
                        .formatted(rank, host, attempt + 1, Instant.now().truncatedTo(ChronoUnit.SECONDS)),
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
        Path output = Files.createTempFile("bowline-rank-", ".json");
        try {
            RankProgram program = new RankProgram(place, onHost, errorFile);
            ProcessBuilder process = program.process(
                    ExecutorClassPath.of(
                            Optional.ofNullable(Thread.currentThread().getContextClassLoader())),
                    job.arguments());
            process.environment().putIfAbsent("OMP_NUM_THREADS", Integer.toString(context.cpus()));
            process.redirectOutput(output.toFile()).redirectError(Redirect.appendTo(log.toFile()));
            int exitCode = new RankWait(context, process.start()).exitCode();
            return switch (End.of(exitCode)) {
                case FINISHED, STOPPED -> Files.readString(output, UTF_8);
                case REFUSED, FAILED -> {
                    RankProgram.Failure failure = program.failure(log, exitCode);
                    throw new RankEnded(
                            End.of(exitCode),
                            "rank %d on %s: %s".formatted(rank, host, failure.problem()),
                            failure.fix());
                }
            };
        } finally {
            Files.deleteIfExists(output);
        }
    }

    private static String host(BarrierTaskInfo task) {
        String address = task.address();
        int port = address.lastIndexOf(':');
        return (port < 0 ? address : address.substring(0, port)).replaceAll("[\\[\\]]", "");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
