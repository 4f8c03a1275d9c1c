package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// The ranks of a world as a grid: `ep_size` parts of the experts, and the ranks that divide the values of a part.
///
/// Rank r has part r / G, where G = world size / `ep_size` ranks divide a part. The ranks r, r + G, r + 2 G, ... share
/// the experts of a layer: together they have all.
///
/// @param sharing the ranks with which this rank shares experts, in the order of the parts
/// @param dividing the ranks that have the same part as this one; empty if it is this rank alone
/// @param parts `ep_size`
/// @param divisor G
record ExpertRanks(ProcessGroup world, ProcessGroup sharing, Optional<ProcessGroup> dividing, int parts, int divisor)
        implements AutoCloseable {

    /// Every rank of the world calls this method at the same place.
    ///
    /// @param epSize divides the world size
    static ExpertRanks of(ProcessGroup world, int epSize) {
        int ranks = world.worldSize();
        if (ranks % epSize != 0) {
            throw new IllegalArgumentException("%d ranks cannot share experts by %d".formatted(ranks, epSize));
        }
        int divisor = ranks / epSize;
        if (divisor == 1) {
            return new ExpertRanks(world, world, Optional.empty(), epSize, 1);
        }
        List<Integer> sharing = IntStream.range(0, epSize)
                .mapToObj(part -> part * divisor + world.rank() % divisor)
                .toList();
        int first = world.rank() / divisor * divisor;
        List<Integer> dividing = IntStream.range(first, first + divisor).boxed().toList();
        return new ExpertRanks(
                world,
                world.subgroup("experts-shared", sharing),
                Optional.of(world.subgroup("experts-divided", dividing)),
                epSize,
                divisor);
    }

    /// The part of this rank.
    int part() {
        return world.rank() / divisor;
    }

    /// Closes the groups that are not the world.
    @Override
    public void close() {
        dividing.ifPresent(group -> {
            group.close();
            sharing.close();
        });
    }
}
