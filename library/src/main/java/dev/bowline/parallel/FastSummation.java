package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Work;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// Sums gradients with Gloo's allreduce, in the dtype of each parameter. The same number of ranks gives the same bits;
/// another number rounds in another way.
///
/// The gradients of a unit are copied into one memory, which travels in pieces, and are views of it afterwards.
public final class FastSummation extends OverlappedSummation {

    /// 16 MiB of float32: large enough for the speed of the wire.
    private static final long PIECE_ELEMENTS = 4 << 20;

    /// A parameter begins where kernels compute as with memory of its own.
    private static final long ALIGNMENT = 64;

    private final ProcessGroup group;

    /// @param group the ranks, which stay the caller's
    /// @param units of the model whose passes the caller lets this object observe; empty to sum after the passes
    public FastSummation(ProcessGroup group, Optional<GradientUnits> units) {
        super(units);
        this.group = group;
    }

    @Override
    Share dealt(int microBatches) {
        return new MicroBatchBlocks(group.worldSize()).of(group.rank(), microBatches);
    }

    @Override
    void collect(int unit, List<Parameter> parameters) {}

    @Override
    public double[] gather(double[] own, int microBatches) {
        MicroBatchBlocks blocks = new MicroBatchBlocks(group.worldSize());
        return group.worldSize() == 1
                ? own.clone()
                : MicroBatchValues.gather(group, own, microBatches, rank -> blocks.of(rank, microBatches));
    }

    @Override
    Optional<Travelling> send(int unit, List<Parameter> parameters) {
        if (group.worldSize() == 1 || parameters.isEmpty()) {
            return Optional.empty();
        }
        BitSet present = new BitSet();
        try (TensorScope _ = TensorScope.open()) {
            for (int i = 0; i < parameters.size(); i++) {
                present.set(i, parameters.get(i).gradient().isPresent());
            }
            Map<Dtype, List<Parameter>> byDtype = new LinkedHashMap<>();
            parameters.forEach(each -> byDtype.computeIfAbsent(each.dtype(), _ -> new ArrayList<>())
                    .add(each));
            Presence.Gathering presence = Presence.begin(group, present, parameters.size());
            List<Flat> flats = new ArrayList<>();
            byDtype.forEach((dtype, some) -> flats.add(new Flat(dtype, some)));
            return Optional.of(new Unit(parameters, presence, flats));
        }
    }

    /// The gradients of parameters of one dtype.
    private final class Flat {

        private final Map<Parameter, Long> starts = new LinkedHashMap<>();
        private final Tensor memory;
        private final List<Work> works = new ArrayList<>();

        Flat(Dtype dtype, List<Parameter> parameters) {
            long end = 0;
            for (Parameter parameter : parameters) {
                starts.put(parameter, end);
                end = Math.ceilDiv(end + parameter.elements(), ALIGNMENT) * ALIGNMENT;
            }
            memory = Ops.empty(Device.CPU, dtype, end);
            memory.retainReference();
            starts.forEach((parameter, start) -> {
                Tensor place = memory.narrow(0, start, parameter.elements());
                Optional<Tensor> gradient = parameter.gradient();
                if (gradient.isPresent()) {
                    place.copy_(gradient.get().reshape(-1));
                    parameter.clearGradient();
                } else {
                    place.zero_();
                }
            });
            for (long from = 0; from < end; from += PIECE_ELEMENTS) {
                works.add(group.allReduce(memory.narrow(0, from, Math.min(PIECE_ELEMENTS, end - from))));
            }
        }
    }

    /// @param presence of a gradient of each parameter on each rank
    private record Unit(List<Parameter> parameters, Presence.Gathering presence, List<Flat> flats)
            implements Travelling {

        /// The memory takes the place of the gradients.
        @Override
        public long bytes() {
            return 0;
        }

        @Override
        public void receive() {}

        @Override
        public void finish() {
            Presence all = presence.await();
            for (Flat flat : flats) {
                flat.works.forEach(Work::await);
                try (Tensor memory = flat.memory;
                        TensorScope _ = TensorScope.open()) {
                    flat.starts.forEach((parameter, start) -> {
                        requireUnchanged(parameter);
                        if (all.any(parameters.indexOf(parameter))) {
                            parameter.replaceGradient(memory.narrow(0, start, parameter.elements())
                                    .view(parameter.shape()));
                        }
                    });
                }
            }
        }
    }

    @Override
    public void onFirst(Runnable work) {
        if (group.isFirst()) {
            work.run();
        }
    }
}
