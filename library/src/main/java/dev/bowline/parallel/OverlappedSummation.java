package dev.bowline.parallel;

import dev.bowline.nn.LayerPasses;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.StepGradients;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;

/// Sums gradients over ranks while the backward pass of a rank's last micro-batch still runs: the gradients of a layer
/// travel when they are complete, those of the last layer first.
///
/// Every rank sends the units in the same order, so a rank without a micro-batch sends all of them at the end of a
/// step. This object observes the passes of the model ([LayerPasses]). If it does not, all gradients travel after the
/// last pass.
public abstract sealed class OverlappedSummation implements GradientReduction, LayerPasses
        permits FastSummation, FixedSummation {

    /// A unit whose gradients travel.
    interface Travelling {

        /// Bytes that it has besides the gradients.
        long bytes();

        /// Waits for the parts of all ranks, and sends their sums on if the summation does so.
        void receive();

        /// Waits for the sums, gives them to the parameters and frees everything else.
        void finish();
    }

    /// The most bytes besides gradients that travel at once.
    private static final long TRAVELLING_BYTES = 256L << 20;

    private Optional<GradientUnits> units;
    private final Deque<Travelling> travelling = new ArrayDeque<>();
    private int micro;
    private int pass;
    private int unsent;
    private Optional<RuntimeException> failure = Optional.empty();

    /// @param units of the model whose passes this object observes; empty for one unit, which travels after the passes
    OverlappedSummation(Optional<GradientUnits> units) {
        this.units = units;
    }

    /// The micro-batches of this rank.
    abstract Share dealt(int microBatches);

    /// Takes the gradients of a pass away from the parameters of a unit, if the summation keeps passes apart.
    abstract void collect(int unit, List<Parameter> parameters);

    /// Begins to send the gradients of a unit. The parameters have no gradients afterwards.
    ///
    /// @return empty if nothing has to travel
    abstract Optional<Travelling> send(int unit, List<Parameter> parameters);

    @Override
    public final Share share(int microBatches) {
        Share share = dealt(microBatches);
        micro = share.size();
        pass = 0;
        unsent = units.map(each -> each.units().size()).orElse(1);
        return share;
    }

    private List<Parameter> parameters(int unit) {
        return units.orElseThrow().units().get(unit);
    }

    private void know(Gradients gradients) {
        if (units.isEmpty()) {
            units = Optional.of(
                    new GradientUnits(List.of(List.copyOf(gradients.parameters().values()))));
        }
    }

    @Override
    public final void begin() {}

    @Override
    public final void beforeForward(int layer) {}

    @Override
    public final void afterForward(int layer) {}

    @Override
    public final void beforeBackward(int layer) {
        if (pass + 1 == micro) {
            try (NoGradGuard _ = new NoGradGuard()) {
                while (unsent > layer + 2) {
                    collect(unsent - 1, parameters(unsent - 1));
                    sendNext();
                }
            } catch (RuntimeException e) {
                // libtorch passes the exception of a backward pass on without its type.
                failure = Optional.of(e);
                throw e;
            }
        }
    }

    @Override
    public final void accumulated(Gradients gradients) {
        know(gradients);
        try (NoGradGuard _ = new NoGradGuard()) {
            for (int unit = 0; unit < unsent; unit++) {
                collect(unit, parameters(unit));
            }
        }
        pass++;
    }

    @Override
    public final void ended(Gradients gradients) {
        know(gradients);
        try (NoGradGuard _ = new NoGradGuard()) {
            while (unsent > 0) {
                sendNext();
            }
        }
    }

    private void sendNext() {
        unsent--;
        send(unsent, parameters(unsent)).ifPresent(travelling::add);
        // Every rank comes here with the same units, so all of them wait for the same one.
        while (travelling.size() > 1
                && travelling.stream().mapToLong(Travelling::bytes).sum() > TRAVELLING_BYTES) {
            travelling.peek().receive();
            travelling.remove().finish();
        }
    }

    @Override
    public final StepGradients reduce(Gradients gradients) {
        try (NoGradGuard _ = new NoGradGuard()) {
            List<Travelling> all = new ArrayList<>(travelling);
            all.forEach(Travelling::receive);
            all.forEach(Travelling::finish);
            travelling.clear();
        }
        return gradients;
    }

    /// Refuses to replace a gradient that was added after the gradients of its unit were sent.
    static void requireUnchanged(Parameter parameter) {
        if (parameter.gradient().isPresent()) {
            throw new IllegalStateException("a gradient changed after it was sent to the other ranks");
        }
    }

    @Override
    public final RuntimeException reason(RuntimeException seen) {
        return failure.orElse(seen);
    }

    @Override
    public void clear() {
        travelling.clear();
    }

    @Override
    public final void close() {
        clear();
    }
}
