package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.LoadReport.Placement;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.QuantizedLinears;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.platform.MemoryPages;
import dev.bowline.quantization.Quantization;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.ShardPlan;
import dev.bowline.statedict.KeyGroup;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.HeadBytes;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import jdk.jfr.FlightRecorder;
import org.bytedeco.pytorch.Tensor;

/// One load: resolves the tie, checks keys and slots, reads the bytes, verifies the result.
final class WeightLoad {

    /// A size that a processor's cache still holds after a read.
    private static final long CACHED_BYTES = 1L << 20;

    private final CheckpointMapping names;
    private final Checkpoint checkpoint;
    private final LanguageModel model;
    private final LoadPurpose purpose;

    /// The memory of each parameter that was not cast, verified to have the bytes of the file.
    private final Map<Parameter, MemorySegment> fileBytes = new IdentityHashMap<>();

    WeightLoad(CheckpointMapping names, LoadPurpose purpose) {
        this.names = names;
        this.purpose = purpose;
        checkpoint = names.checkpoint();
        model = names.model();
    }

    LoadReport run(Dtype dtype) {
        // The class of an event, once initialized, has started much of Flight Recorder, whether it records or not.
        return FlightRecorder.isInitialized()
                ? LoadEvent.around(checkpoint.directory(), () -> load(dtype))
                : load(dtype);
    }

    private LoadReport load(Dtype dtype) {
        LoadDecision.requireComputes(names, dtype);
        quantizeAsStored();
        LoadDecision decision = LoadDecision.of(names, HeadComparison.ofFiles());
        LoadReport.HeadVerdict verdict = decision.verdict();
        List<KeyGroup> groups = decision.groups();
        String canonicalKey = canonicalKey(groups);
        if (purpose == LoadPurpose.INFERENCE) {
            model.parameters().values().forEach(Parameter::dedicateToInference);
        }
        List<LoadReport.Filled> filled = fill(groups, dtype, canonicalKey);
        if (filled.stream().anyMatch(each -> each.placement() == Placement.MAPPED)) {
            model.own(checkpoint.lease());
        }
        verify();
        if (purpose == LoadPurpose.TRAINING) {
            checkpoint.weights().unload();
        }
        return report(dtype, verdict, filled, canonicalKey);
    }

    /// Prepares the linears whose weights are quantised in the files.
    private void quantizeAsStored() {
        Map<String, Quantization> stored = new LinkedHashMap<>();
        names.keys()
                .groups()
                .forEach(group -> group.keys()
                        .forEach(key -> checkpoint
                                .tensors()
                                .format(key)
                                .ifPresent(format -> group.slots().forEach(slot -> stored.put(slot, format)))));
        if (!stored.isEmpty()) {
            QuantizedLinears.quantize(model, stored);
        }
    }

    private String canonicalKey(List<KeyGroup> groups) {
        return groups.stream()
                .filter(group -> group.slots().contains(model.inputEmbedding().path()))
                .findFirst()
                .orElseThrow()
                .keys()
                .getFirst();
    }

    private List<LoadReport.Filled> fill(List<KeyGroup> groups, Dtype dtype, String canonicalKey) {
        List<LoadReport.Filled> filled = new ArrayList<>();
        Map<Parameter, Tensor> owned = new LinkedHashMap<>();
        try (var _ = TensorScope.open();
                ParallelReads reads = new ParallelReads()) {
            if (purpose == LoadPurpose.TRAINING) {
                reads.run(() -> checkpoint.hash(canonicalKey));
            }
            for (KeyGroup group : groups) {
                SafetensorsType type = LoadDecision.type(names, group);
                Map<String, List<ByteRange>> pieces = ByteRange.cut(keyBytes(group), slotBytes(group, type));
                pieces.forEach((slot, parts) -> filled.add(fill(slot, parts, type, dtype, owned, reads)));
            }
            reads.await();
            owned.forEach(Parameter::materialize);
        }
        return filled;
    }

    private LoadReport.Filled fill(
            String name,
            List<ByteRange> pieces,
            SafetensorsType type,
            Dtype dtype,
            Map<Parameter, Tensor> owned,
            ParallelReads reads) {
        Parameter parameter = names.slot(name).get();
        Dtype stored =
                ElementTypes.weightDtype(checkpoint.entry(pieces.getFirst().name()));
        Placement placement = Placement.OWNED;
        if (isQuantized(pieces)) {
            requireWhole(name, pieces);
            parameter.materialize(pieces.stream()
                    .map(piece -> checkpoint.tensors().matrix(piece.name()))
                    .toList());
            placement = Placement.QUANTIZED;
        } else if (parameter.quantization().isPresent()) {
            parameter.quantizeValues(
                    name, new FileValues(pieces.stream().map(this::mapped).toList(), stored));
            placement = Placement.QUANTIZED;
        } else if (pieces.size() == 1 && stored != dtype) {
            MemorySegment bytes = mapped(pieces.getFirst());
            owned.put(parameter, Ops.cast(HostTensors.view(bytes, stored, parameter.shape()), dtype));
            // Otherwise the whole file would be resident in addition to the cast values.
            bytes.unload();
        } else if (pieces.size() == 1
                && parameter.device().isCpu()
                && !parameter.requiresGrad()
                && !isSmallBuffer(parameter, stored)
                && isAligned(pieces.getFirst(), stored)) {
            MemorySegment bytes = mapped(pieces.getFirst());
            parameter.materializeReadOnly(HostTensors.readOnlyView(bytes, dtype, parameter.shape()));
            fileBytes.put(parameter, bytes);
            placement = Placement.MAPPED;
        } else {
            Tensor values = Ops.empty(Device.CPU, stored, parameter.shape());
            MemorySegment memory = HostTensors.bytes(values);
            long position = 0;
            for (ByteRange piece : pieces) {
                reads.run(
                        memory.asSlice(position, piece.bytes()),
                        (part, from) -> read(piece.name(), piece.from() + from, part));
                position += piece.bytes();
            }
            if (stored == dtype && parameter.device().isCpu()) {
                fileBytes.put(parameter, memory);
            } else {
                reads.await();
                values = Ops.cast(values, dtype);
            }
            owned.put(parameter, values);
        }
        List<String> keys = pieces.stream().map(ByteRange::name).distinct().toList();
        long bytes = parameter
                .quantization()
                .map(_ -> parameter.quantizedBytes())
                .orElseGet(() -> Math.multiplyExact(parameter.elements(), (long) dtype.bytes()));
        return new LoadReport.Filled(name, model.component(name), keys, type, dtype, bytes, placement);
    }

    private boolean isQuantized(List<ByteRange> pieces) {
        return pieces.stream()
                .anyMatch(piece -> checkpoint.tensors().format(piece.name()).isPresent());
    }

    /// Refuses quantised weights of which a parameter needs a part, or which are parts of one matrix.
    private void requireWhole(String name, List<ByteRange> pieces) {
        long[] shape = names.slot(name).shape();
        long matrices = shape.length == 2 ? 1 : shape[0];
        boolean isWhole = pieces.size() == matrices
                && pieces.stream()
                        .allMatch(piece ->
                                piece.bytes() == checkpoint.entry(piece.name()).bytes());
        if (!isWhole) {
            throw new BowlineException(
                    "%s: '%s' is quantised in other matrices than those of '%s'"
                            .formatted(checkpoint.directory(), pieces.getFirst().name(), name),
                    "load the unquantised checkpoint with quantization");
        }
    }

    /// A model that is trained whole has buffers too. In memory of their own they do not tie the run to the file.
    private static boolean isSmallBuffer(Parameter parameter, Dtype stored) {
        return parameter.role() == SlotRole.BUFFER && parameter.elements() * stored.bytes() <= CACHED_BYTES;
    }

    /// Reads a part of a tensor and compares it with the map, a piece at a time, so that memory is passed once.
    private void read(String key, long from, MemorySegment part) {
        MemorySegment map = checkpoint.bytes(key).asSlice(from, part.byteSize());
        for (long done = 0; done < part.byteSize(); done += CACHED_BYTES) {
            long bytes = Math.min(CACHED_BYTES, part.byteSize() - done);
            MemorySegment piece = part.asSlice(done, bytes);
            MemoryPages.populate(piece);
            checkpoint.weights().copy(key, from + done, piece);
            if (piece.mismatch(map.asSlice(done, bytes)) >= 0) {
                throw new IllegalStateException(
                        "'%s' does not have the bytes of the file after reading, between %d and %d"
                                .formatted(key, from + done, from + done + bytes));
            }
        }
        map.unload();
    }

    /// True if the mapped bytes are aligned for libtorch: a file may place a tensor at any byte.
    private boolean isAligned(ByteRange piece, Dtype stored) {
        return mapped(piece).address() % stored.bytes() == 0;
    }

    private MemorySegment mapped(ByteRange piece) {
        return checkpoint.bytes(piece.name()).asSlice(piece.from(), piece.bytes());
    }

    private SequencedMap<String, Long> keyBytes(KeyGroup group) {
        SequencedMap<String, Long> bytes = new LinkedHashMap<>();
        group.keys().forEach(key -> bytes.put(key, checkpoint.entry(key).bytes()));
        return bytes;
    }

    private SequencedMap<String, Long> slotBytes(KeyGroup group, SafetensorsType type) {
        SequencedMap<String, Long> bytes = new LinkedHashMap<>();
        group.slots()
                .forEach(slot -> bytes.put(
                        slot, Math.multiplyExact(names.slot(slot).get().elements(), (long) type.bytes())));
        return bytes;
    }

    /// Checks that the pair is one or two parameters as the flag says, and that every value on the CPU is in the memory
    /// that the file's bytes were compared with.
    private void verify() {
        TiedWeights.ensureTiedLmHead(model);
        TiedWeights.requireDistinct(model, model.parameters());
        names.slots().forEach((name, slot) -> {
            MemorySegment bytes = fileBytes.get(slot.get());
            if (bytes != null
                    && bytes.address() != HostTensors.bytes(slot.tensor()).address()) {
                throw new IllegalStateException(
                        "'%s' does not have the memory that was filled from the file".formatted(name));
            }
        });
    }

    private LoadReport report(
            Dtype dtype, LoadReport.HeadVerdict verdict, List<LoadReport.Filled> filled, String canonicalKey) {
        List<LoadReport.Ignored> ignored = new ArrayList<>();
        names.keys().ignored().forEach((key, reason) -> ignored.add(ignored(key, reason)));
        if (checkpoint.weights().passesOverIndex()) {
            ignored.add(new LoadReport.Ignored(
                    ShardIndex.FILE_NAME, "%s is present and is read instead".formatted(ShardPlan.SINGLE_FILE), 0));
        }
        LoadDecision.listedOnly(names).forEach((key, reason) -> ignored.add(new LoadReport.Ignored(key, reason, 0)));
        if (verdict.plan() == HeadBytes.Plan.TIE_AND_DROP_DUPLICATE) {
            String head = names.key(model.lmHead().path()).orElseThrow();
            ignored.add(ignored(head, "repeats '%s' bit for bit, and the head is tied to it".formatted(canonicalKey)));
        }
        List<LoadReport.Tied> tied = names.slots().values().stream()
                .filter(Slot::isTied)
                .map(slot -> new LoadReport.Tied(slot.path(), slot.root().path()))
                .toList();
        List<LoadReport.PassedThrough> passedThrough = names.keys().passedThrough().keySet().stream()
                .map(key -> new LoadReport.PassedThrough(
                        key, model.component(key), checkpoint.entry(key).bytes()))
                .toList();
        return new LoadReport(
                checkpoint.directory(),
                model.architecture(),
                dtype,
                filled,
                tied,
                ignored,
                passedThrough,
                names.notes(),
                verdict,
                TiedWeights.ledger(model, hash(canonicalKey)));
    }

    /// The hash of the input embedding, for a save to compare with; hashing takes as long as reading.
    private Optional<String> hash(String canonicalKey) {
        return switch (purpose) {
            case TRAINING -> Optional.of(checkpoint.hash(canonicalKey));
            case INFERENCE -> Optional.empty();
        };
    }

    private LoadReport.Ignored ignored(String key, String reason) {
        return new LoadReport.Ignored(key, reason, checkpoint.entry(key).bytes());
    }
}
