package dev.bowline.distributed;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BroadcastOptions;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/// The ranks of a run, and the collectives between them (PyTorch: `torch.distributed`), on libtorch's Gloo.
///
/// Every rank calls the same collectives in the same order, with tensors of the same shapes and dtypes, unless a
/// method says otherwise. Gloo ends the process if the sizes differ, so ranks compare their plans with [#agree] first.
///
/// After a [RankFailure] no collective of this group works. A process group is for one thread.
public final class ProcessGroup implements AutoCloseable {

    private static final int CHUNK_BYTES = Long.BYTES;

    private final int rank;
    private final int worldSize;
    private final List<String> names;
    private final Connection connection;
    private final ProcessGroupGloo gloo;
    private Optional<RankFailure> failure = Optional.empty();
    private long collectives;

    /// The parts of a group that its subgroups share.
    ///
    /// @param local the address at which the other ranks reach this rank
    record Connection(RankStore store, InetAddress local, Duration timeout) {}

    /// @param names of the ranks for messages, such as `rank 1 (host, process 7)`
    private ProcessGroup(int rank, List<String> names, Connection connection, ProcessGroupGloo gloo) {
        this.rank = rank;
        this.names = List.copyOf(names);
        worldSize = names.size();
        this.connection = connection;
        this.gloo = gloo;
    }

    /// Joins the other ranks. Returns when every rank of the world has joined and can reach every other.
    ///
    /// @param timeout the time to wait for the other ranks now, and in each collective
    /// @throws RankFailure if a rank does not come or fails, with the ranks that are missing
    /// @throws dev.bowline.BowlineException if the world cannot form as declared
    public static ProcessGroup join(Rendezvous place, Network network, Duration timeout) {
        return new Joining(place, network, timeout).join();
    }

    /// Connects the ranks of a group with each other.
    ///
    /// @param name of the group, the same on each of its ranks and no other group's
    static ProcessGroup connect(String name, int rank, List<String> names, Connection connection) {
        try (PointerScope _ = new PointerScope()) {
            ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create(RankStore.millis(connection.timeout()));
            options.devices(new GlooDeviceVector(
                    ProcessGroupGloo.createDeviceForHostname(connection.local().getHostAddress())));
            ProcessGroupGloo gloo = new ProcessGroupGloo(connection.store().group(name), rank, names.size(), options);
            gloo.retainReference();
            return new ProcessGroup(rank, names, connection, gloo);
        } catch (RankFailure e) {
            throw e;
        } catch (RuntimeException e) {
            throw new RankFailure(
                    "rank %d could not connect to the other ranks of '%s': %s"
                            .formatted(rank, name, NativeMessages.firstLine(e)),
                    e);
        }
    }

    /// From 0.
    public int rank() {
        return rank;
    }

    public int worldSize() {
        return worldSize;
    }

    /// True for rank 0, which listens, logs and names files.
    public boolean isFirst() {
        return rank == 0;
    }

    /// The collectives that this rank began.
    public long collectives() {
        return collectives;
    }

    /// Replaces `whole` by its sum over all ranks. The order of the additions depends on the number of ranks.
    public Work allReduce(Tensor whole) {
        return start("allReduce", () -> {
            TensorVector one = new TensorVector(whole);
            return gloo.allreduce(one);
        });
    }

    /// Replaces `tensor` by that of `root`.
    public Work broadcast(Tensor tensor, int root) {
        return start(
                "broadcast", () -> gloo.broadcast(new TensorVector(tensor), new BroadcastOptions().rootRank(root)));
    }

    /// Gathers the tensors of all ranks.
    ///
    /// @param whole contiguous, the ranks' tensors one after the other
    /// @param mine contiguous, whose elements times the world size are those of `whole`
    public Work allGather(Tensor whole, Tensor mine) {
        requireElements(whole, worldSize * mine.numel());
        return start("allGather", () -> gloo._allgather_base(whole.view(-1), mine.view(-1)));
    }

    /// Sums the parts that all ranks have for this rank, in float32 and pairwise in the order of the ranks: 0+1, 2+3,
    /// then the pairs. The result is rounded once to the dtype of `mine`.
    ///
    /// @param mine contiguous
    /// @param whole contiguous, the parts for each rank one after the other
    public Work reduceScatter(Tensor mine, Tensor whole) {
        requireElements(whole, worldSize * mine.numel());
        Tensor parts;
        try (PointerScope _ = new PointerScope()) {
            parts = Ops.newEmpty(whole, Dtype.of(whole.scalar_type()), worldSize, mine.numel());
            parts.retainReference();
        }
        Work exchange = start(
                "reduceScatter",
                () -> gloo.alltoall_base(parts.view(-1), whole.view(-1), new LongVector(), new LongVector()));
        return () -> {
            try (TensorScope _ = TensorScope.open()) {
                exchange.await();
                mine.view(-1).copy_(PairwiseSum.ofRows(parts));
            } finally {
                parts.close();
            }
        };
    }

    /// Sends rows to each rank and receives rows from each rank. A number of rows may be 0.
    ///
    /// @param to contiguous, the received rows in the order of the ranks
    /// @param toRows the number of rows from each rank
    /// @param from contiguous, the rows to send in the order of the ranks
    /// @param fromRows the number of rows for each rank
    public Work allToAll(Tensor to, long[] toRows, Tensor from, long[] fromRows) {
        return start("allToAll", () -> gloo.alltoall_base(to, from, new LongVector(toRows), new LongVector(fromRows)));
    }

    /// The sum of each value over all ranks, in the order of the ranks, so that every rank has the same bits.
    public double[] allReduceSum(double... values) {
        long[] bits = new long[values.length];
        for (int i = 0; i < values.length; i++) {
            bits[i] = Double.doubleToRawLongBits(values[i]);
        }
        long[] all = allGather(bits);
        double[] sums = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            for (int from = 0; from < worldSize; from++) {
                double one = Double.longBitsToDouble(all[from * values.length + i]);
                sums[i] = from == 0 ? one : sums[i] + one;
            }
        }
        return sums;
    }

    /// The values of all ranks one after the other.
    ///
    /// @param mine the same number of values on each rank
    public long[] allGather(long[] mine) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor whole = Ops.empty(Device.CPU, Dtype.INT64, (long) worldSize * mine.length);
            allGather(whole, HostTensors.of(mine, mine.length)).await();
            return HostTensors.bytes(whole).toArray(ValueLayout.JAVA_LONG);
        }
    }

    /// The bytes of each rank, in the order of the ranks. The lengths may differ.
    public List<byte[]> allGather(byte[] mine) {
        long[] lengths = allGather(new long[] {mine.length});
        int longest = 0;
        for (long length : lengths) {
            longest = Math.max(longest, Math.toIntExact(length));
        }
        int words = Math.ceilDiv(longest, CHUNK_BYTES);
        if (words == 0) {
            return java.util.Collections.nCopies(worldSize, new byte[0]);
        }
        long[] packed = new long[words];
        MemorySegment.copy(MemorySegment.ofArray(mine), 0, MemorySegment.ofArray(packed), 0, mine.length);
        MemorySegment all = MemorySegment.ofArray(allGather(packed));
        List<byte[]> each = new ArrayList<>();
        for (int from = 0; from < worldSize; from++) {
            each.add(all.asSlice((long) from * words * CHUNK_BYTES, lengths[from])
                    .toArray(ValueLayout.JAVA_BYTE));
        }
        return each;
    }

    /// Waits until every rank is here.
    ///
    /// @param why for the message of a failure, such as `the checkpoint is complete`
    public void barrier(String why) {
        start("barrier (%s)".formatted(why), gloo::barrier).await();
    }

    /// Compares the facts that the ranks must agree on.
    ///
    /// @throws dev.bowline.BowlineException on every rank, with the first fact in which a rank differs from rank 0
    public void agree(Fingerprint plan) {
        new Agreement(this).require(plan);
    }

    /// The group of some ranks, which every rank of this group makes, with its own ranks, at the same place.
    ///
    /// @param name of the group, which no other group of this rank has; groups of other ranks may have the same
    /// @param ranks of this group, with this rank among them, in the order of the subgroup's ranks
    public ProcessGroup subgroup(String name, List<Integer> ranks) {
        int place = ranks.indexOf(rank);
        if (place < 0) {
            throw new IllegalArgumentException("rank %d is not among %s".formatted(rank, ranks));
        }
        List<String> members = ranks.stream().map(names::get).toList();
        return connect("%s/%s".formatted(name, ranks), place, members, connection);
    }

    /// The name of a rank for messages.
    public String name(int of) {
        return names.get(of);
    }

    /// The time that a collective waits for the other ranks.
    public Duration timeout() {
        return connection.timeout();
    }

    private static void requireElements(Tensor whole, long elements) {
        if (whole.numel() != elements) {
            throw new IllegalArgumentException("%d elements, expected %d".formatted(whole.numel(), elements));
        }
    }

    private Work start(String what, Supplier<org.bytedeco.pytorch.Work> begin) {
        requireAlive();
        collectives++;
        org.bytedeco.pytorch.Work work;
        try (PointerScope _ = new PointerScope()) {
            work = begin.get();
            work.retainReference();
        } catch (RuntimeException e) {
            throw failed(what, e);
        }
        return () -> {
            requireAlive();
            try (work) {
                work._wait();
            } catch (RuntimeException e) {
                throw failed(what, e);
            }
        };
    }

    private void requireAlive() {
        if (failure.isPresent()) {
            throw failure.get();
        }
    }

    private RankFailure failed(String what, RuntimeException cause) {
        RankFailure failed = new RankFailure(
                "%s lost the other ranks in %s: %s".formatted(names.get(rank), what, NativeMessages.firstLine(cause)),
                cause);
        failure = Optional.of(failed);
        return failed;
    }

    /// Frees the connections. Every collective must have ended.
    @Override
    public void close() {
        gloo.close();
    }
}
