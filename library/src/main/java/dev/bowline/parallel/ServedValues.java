package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// Values that the first rank asks for and the other ranks send. The first rank has the parts outside of the layers and
/// one layer at a time.
///
/// @param units of the model, the parts outside of the layers first
final class ServedValues {

    private static final long END = -1;

    private final ProcessGroup group;
    private final List<ShardedUnit> units;
    private Optional<ShardedUnit> layer = Optional.empty();

    ServedValues(ProcessGroup group, List<ShardedUnit> units) {
        this.group = group;
        this.units = units;
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
        tell(unit.index());
        unit.gatherOnFirst(group);
    }

    /// Sends the values that the first rank asks for until it ends. The other ranks call this method.
    void serve() {
        for (long asked = tell(END); asked != END; asked = tell(END)) {
            units.get(Math.toIntExact(asked)).gatherOnFirst(group);
        }
    }

    /// @param unit the message of the first rank
    /// @return the message
    private long tell(long unit) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor message = HostTensors.of(new long[] {unit}, 1);
            group.broadcast(message, 0).await();
            return HostTensors.bytes(message)
                    .asByteBuffer()
                    .order(ByteOrder.nativeOrder())
                    .getLong();
        }
    }

    /// Ends [#serve] on the other ranks. The first rank calls this method.
    void end() {
        tell(END);
    }
}
