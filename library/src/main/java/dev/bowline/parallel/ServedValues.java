package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// Values that the first rank asks for and the other ranks send. The first rank has the parts outside of the layers and
/// one layer at a time, and a chunk of the optimizer's state at a time.
///
/// The first rank tells the others at intervals that it is at work, so that a long piece of work between two requests
/// is
/// no failure.
final class ServedValues implements AutoCloseable {

    private static final long END = 0;
    private static final long AT_WORK = 1;
    private static final long UNIT = 2;
    private static final long STATE = 3;

    private final ProcessGroup group;
    private final List<ShardedUnit> units;
    private final Optional<StateParts> state;
    private Optional<ShardedUnit> layer = Optional.empty();

    /// Guards the collectives and `ended`, on the first rank.
    private final Object turn = new Object();

    private boolean ended;

    /// @param units of the model, the parts outside of the layers first; none if every rank has all values
    /// @param state the optimizer's, if an optimizer has divided it
    ServedValues(ProcessGroup group, List<ShardedUnit> units, Optional<StateParts> state) {
        this.group = group;
        this.units = units;
        this.state = state;
    }

    /// Runs `work` on the first rank while the others serve. Every rank calls this method.
    void onFirst(Runnable work) {
        if (!group.isFirst()) {
            serve();
            return;
        }
        Thread pulse = Thread.ofPlatform()
                .daemon()
                .name("bowline-at-work")
                .start(() -> pulse(Math.max(10, group.timeout().toMillis() / 4)));
        state.ifPresent(parts -> parts.servedBy(Optional.of(this)));
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            stop(pulse);
            endAfter(e);
            throw e;
        } finally {
            state.ifPresent(parts -> parts.servedBy(Optional.empty()));
        }
        stop(pulse);
        close();
    }

    /// A group that failed throws the same failure again, which cannot be suppressed by itself.
    private void endAfter(Throwable failure) {
        try {
            close();
        } catch (RuntimeException e) {
            if (e != failure) {
                failure.addSuppressed(e);
            }
        }
    }

    /// A failure of the group is thrown by the next request, or by the end.
    private void pulse(long millis) {
        synchronized (turn) {
            try {
                while (!ended) {
                    turn.wait(millis);
                    if (!ended) {
                        tell(AT_WORK, 0, 0);
                    }
                }
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            } catch (RuntimeException _) {
                ended = true;
            }
        }
    }

    private void stop(Thread pulse) {
        synchronized (turn) {
            ended = true;
            turn.notifyAll();
        }
        try {
            pulse.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while another rank waits", e);
        }
    }

    /// Fills the values of a unit on the first rank, which calls this method alone.
    void fetch(ShardedUnit unit) {
        if (unit.isGathered()) {
            return;
        }
        if (unit.index() != 0) {
            layer.ifPresent(ShardedUnit::release);
            layer = Optional.of(unit);
        }
        synchronized (turn) {
            tell(UNIT, unit.index(), 0);
            unit.gatherOnFirst(group);
        }
    }

    /// The next elements of a tensor of the optimizer's state, in the caller's scope. The first rank calls this method
    /// alone.
    ///
    /// @param tensor its index
    /// @param from the first element
    Tensor fetchState(int tensor, long from) {
        synchronized (turn) {
            tell(STATE, tensor, from);
            return state.orElseThrow().gather(tensor, from);
        }
    }

    /// Sends the values that the first rank asks for until it ends.
    private void serve() {
        for (long[] asked = tell(END, 0, 0); asked[0] != END; asked = tell(END, 0, 0)) {
            int index = Math.toIntExact(asked[1]);
            if (asked[0] == UNIT) {
                units.get(index).gatherOnFirst(group);
            } else if (asked[0] == STATE) {
                try (TensorScope _ = TensorScope.open()) {
                    state.orElseThrow().gather(index, asked[2]);
                }
            }
        }
    }

    /// @return the message of the first rank
    private long[] tell(long... own) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor message = HostTensors.of(own, own.length);
            group.broadcast(message, 0).await();
            return HostTensors.bytes(message).toArray(ValueLayout.JAVA_LONG);
        }
    }

    /// Ends the service of the other ranks.
    @Override
    public void close() {
        synchronized (turn) {
            tell(END, 0, 0);
        }
    }
}
