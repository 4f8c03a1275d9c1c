package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The work that the ranks of a run share. The launcher gives the number of ranks; a recipe does not.
///
/// @param strategy the values and states that each rank has
/// @param epSize ranks that share the experts of a layer; divides the number of ranks
/// @param declaredSummation the order of sums; empty is `fixed` over ranks, and one process trains as without the
///     section
/// @param timeout the longest time that a rank waits for another one
/// @param maxRestarts restarts after the failure of a rank, without a new checkpoint between them
public record DistributedSection(
        Strategy strategy, int epSize, Optional<Summation> declaredSummation, Duration timeout, int maxRestarts) {

    /// The values and states that each rank has.
    public enum Strategy {
        /// Every rank has all weights and the whole state of the optimizer.
        DDP,
        /// Every rank has all weights, and its part of the optimizer's state.
        ZERO1,
        /// Every rank has its part of the weights and of the optimizer's state.
        FSDP
    }

    /// The order in which gradients are summed.
    public enum Summation {
        /// An order that does not depend on the number of ranks: the results are equal bit for bit.
        FIXED,
        /// The order of the fastest exchange: each number of ranks rounds in its own way.
        FAST
    }

    static final Section SECTION = new Section("distributed");

    static final Key<Strategy> STRATEGY = SECTION.key(
            "strategy",
            TextTypes.oneOf(TextTypes.names(
                    Map.entry("ddp", Strategy.DDP),
                    Map.entry("zero1", Strategy.ZERO1),
                    Map.entry("fsdp", Strategy.FSDP),
                    Map.entry("fsdp2", Strategy.FSDP),
                    Map.entry("megatron_fsdp", Strategy.FSDP))),
            Default.from(
                    values -> sharesExperts(values) ? Strategy.FSDP : Strategy.DDP,
                    "ddp, with the least communication; fsdp with an ep_size above 1"),
            "Parts that ranks have. ddp: all weights and optimizer state; zero1: all weights, a part of the optimizer"
                    + " state; fsdp: a part of both. fsdp2 and megatron_fsdp are AutoModel's names for fsdp.");

    static final Key<Integer> EP_SIZE = SECTION.key(
            "ep_size",
            NumberTypes.oneOrNone(),
            Default.of(1, "every rank computes all experts"),
            "Ranks that share the experts of each layer (expert parallelism): each of them keeps and computes a part of"
                    + " the experts, for the tokens of all. A divisor of the number of ranks, with strategy: fsdp.");

    static final Key<Optional<Summation>> SUMMATION = SECTION.key(
            "summation",
            TextTypes.oneOf(Summation.values()).optional(),
            Default.of(Optional.of(Summation.FIXED), "the results do not depend on the number of ranks"),
            "Order of sums. fixed: weights and optimizer state are the same, bit for bit, on any number of ranks; fast:"
                    + " less memory and communication, and each number of ranks rounds in its own way; null: fixed over"
                    + " ranks, and one process trains as without the section.");

    static final Key<Duration> TIMEOUT = SECTION.key(
            "timeout",
            NumberTypes.duration(),
            Default.of(Duration.ofMinutes(10), "as the process groups of PyTorch with NCCL"),
            "Longest time that a rank waits for another one, to join and in a step.");

    static final Key<Integer> MAX_RESTARTS = SECTION.key(
            "max_restarts",
            NumberTypes.integerFrom(0),
            Default.of(3, "a machine that fails again and again ends the run"),
            "Restarts from the newest checkpoint after the failure of a rank, without a new checkpoint between them.");

    public DistributedSection {
        EP_SIZE.require(epSize);
        TIMEOUT.require(timeout);
        MAX_RESTARTS.require(maxRestarts);
    }

    private static boolean sharesExperts(RecipeValues values) {
        return values.find(EP_SIZE).filter(size -> size > 1).isPresent();
    }

    static void check(RecipeValues values) {
        Optional<Strategy> strategy = values.find(STRATEGY);
        if (sharesExperts(values) && strategy.isPresent() && strategy.get() != Strategy.FSDP) {
            values.refuse(
                    "distributed.ep_size: %d shares experts over ranks that divide the weights, and distributed.strategy"
                                    .formatted(values.find(EP_SIZE).orElseThrow())
                            + " is %s, which gives every rank all weights"
                                    .formatted(strategy.get().name().toLowerCase(Locale.ROOT)),
                    "write strategy: fsdp, or ep_size: 1",
                    STRATEGY,
                    EP_SIZE);
        }
    }

    static DistributedSection of(RecipeValues values) {
        return new DistributedSection(
                values.use(STRATEGY),
                values.use(EP_SIZE),
                values.use(SUMMATION),
                values.use(TIMEOUT),
                values.use(MAX_RESTARTS));
    }

    /// The section of a recipe that has none, in a declared world of ranks.
    public static DistributedSection usual() {
        return new DistributedSection(Strategy.DDP, 1, Optional.of(Summation.FIXED), Duration.ofMinutes(10), 3);
    }

    /// The order of sums in a world of ranks.
    public Summation summation() {
        return declaredSummation.orElse(Summation.FIXED);
    }

    /// True if one process without a launcher sums as a world of one rank, so that its results are those of every
    /// world.
    public boolean holdsForOneProcess() {
        return declaredSummation.isPresent();
    }
}
