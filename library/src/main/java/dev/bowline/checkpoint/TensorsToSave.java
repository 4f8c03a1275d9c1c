package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.checkpoint.SaveReport.Origin;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.statedict.KeyGroup;
import dev.bowline.statedict.WeightRule;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// The tensors that a save writes, with names, types and sources.
///
/// With a source, its order and spelling are kept, and every tensor of it that the model does not compute is
/// written again from the file, unchanged.
final class TensorsToSave {

    private static final long CHUNK_BYTES = 4L << 20;

    private final LanguageModel model;
    private final Head head;
    private final List<TensorToSave> tensors = new ArrayList<>();
    private final List<LoadReport.Ignored> dropped = new ArrayList<>();
    private final Set<String> done = new HashSet<>();
    private final Set<String> cut = new HashSet<>();
    private final SequencedMap<Path, Integer> rewritten = new LinkedHashMap<>();

    private TensorsToSave(LanguageModel model, Head head) {
        this.model = model;
        this.head = head;
    }

    static TensorsToSave of(LanguageModel model, Head head, Optional<CheckpointMapping> source) {
        TensorsToSave all = new TensorsToSave(model, head);
        source.ifPresent(all::likeSource);
        all.rest(source);
        return all;
    }

    /// Tensors whose values no model holds.
    static TensorsToSave given(
            LanguageModel model, Head head, List<TensorToSave> tensors, List<LoadReport.Ignored> dropped) {
        TensorsToSave all = new TensorsToSave(model, head);
        all.tensors.addAll(tensors);
        all.dropped.addAll(dropped);
        return all;
    }

    List<TensorToSave> tensors() {
        return tensors;
    }

    List<LoadReport.Ignored> dropped() {
        return dropped;
    }

    private void likeSource(CheckpointMapping names) {
        Checkpoint source = names.checkpoint();
        Set<String> all = names.slots().keySet();
        names.keys().requireExplained(source.directory().toString(), all);
        Map<String, KeyGroup> groups = new HashMap<>();
        names.keys().groups().forEach(group -> group.keys().forEach(key -> groups.put(key, group)));
        Dtype own = ElementTypes.dtype(names.storedType()).orElse(Dtype.FLOAT32);
        for (String key : source.keys()) {
            KeyGroup group = groups.get(key);
            if (group == null) {
                boolean passed = names.keys().passedThrough().containsKey(key);
                notComputed(source, key, passed ? Origin.PASSED_THROUGH : Origin.KEPT);
            } else if (isTiedHead(group.slots().getFirst())) {
                dropped.add(new LoadReport.Ignored(
                        key,
                        "the head is '%s'".formatted(model.inputEmbedding().path()),
                        source.entry(key).bytes()));
            } else {
                tensors.add(fromModel(names, group, key, own));
                done.addAll(group.slots());
            }
        }
    }

    /// Takes the tensor from the file if the file still has it. A missing tensor that was not trained does not
    /// stop the save.
    private void notComputed(Checkpoint source, String key, Origin origin) {
        SafetensorsFile file = source.weights().file(key);
        if (!file.isWhole(key)) {
            cut.add(key);
            dropped.add(new LoadReport.Ignored(
                    key,
                    "%s was truncated after it was loaded and no longer has it".formatted(file.path()),
                    source.entry(key).bytes()));
            return;
        }
        if (source.isRewritten(key)) {
            rewritten.merge(file.path(), 1, Integer::sum);
        }
        tensors.add(fromFile(source, key, origin));
    }

    /// Changes to the source since it was loaded, a sentence each.
    List<String> notes() {
        List<String> notes = new ArrayList<>();
        rewritten.forEach((file, count) -> notes.add(
                ("%s was written to after it was loaded; its tensors that are not computed are saved with their present"
                                + " values: %d")
                        .formatted(file, count)));
        dropped.stream()
                .filter(each -> cut.contains(each.key()))
                .map(each -> "'%s' is not saved: %s; copy it from another copy of the model"
                        .formatted(each.key(), each.reason()))
                .forEach(notes::add);
        return notes;
    }

    /// The slots that no tensor of the source stands for: all of them without one.
    private void rest(Optional<CheckpointMapping> source) {
        SequencedMap<String, Slot> slots = StoredSlots.ofModel(model);
        slots.forEach((name, slot) -> {
            boolean standsForAnother = slot.isTied()
                    && slots.containsKey(slot.root().path())
                    && slots.get(slot.root().path()) == slot.root();
            if (!done.contains(name) && !isTiedHead(name) && !standsForAnother) {
                String key = source.map(names -> names.keys().keyOf(name)).orElse(name);
                Parameter parameter = filled(name, slot);
                List<String> parts = source.isPresent() ? List.of() : stacked(name, parameter);
                if (parts.isEmpty()) {
                    List<Long> shape = Arrays.stream(parameter.shape()).boxed().toList();
                    tensors.add(
                            fromModel(key, parameter, shape, HostCopy.part(parameter::value, 0, parameter.elements())));
                } else {
                    apart(parts, parameter);
                }
            }
        });
    }

    /// The names that files give the parts of a stack.
    private List<String> stacked(String slot, Parameter parameter) {
        return model.weightRules().stream()
                .filter(WeightRule.Stack.class::isInstance)
                .map(WeightRule.Stack.class::cast)
                .map(rule -> rule.keysOf(slot, parameter.shape()[0]))
                .filter(keys -> !keys.isEmpty())
                .findFirst()
                .orElse(List.of());
    }

    /// A stack as files have it: a tensor for every part of every expert, all of the same size.
    private void apart(List<String> keys, Parameter stack) {
        long perExpert = keys.size() / stack.shape()[0];
        List<Long> shape = List.of(stack.shape()[1] / perExpert, stack.shape()[2]);
        long elements = stack.elements() / keys.size();
        for (int i = 0; i < keys.size(); i++) {
            TensorBytes values = HostCopy.part(stack::value, i * elements, elements);
            tensors.add(fromModel(keys.get(i), stack, shape, values));
        }
    }

    private static TensorToSave fromModel(String key, Parameter parameter, List<Long> shape, TensorBytes values) {
        return new TensorToSave(
                new TensorSource(key, ElementTypes.stored(parameter.dtype()), shape, values), Origin.MODEL);
    }

    private boolean isTiedHead(String slot) {
        return head == Head.TIED && slot.equals(model.lmHead().path());
    }

    private static TensorToSave fromFile(Checkpoint source, String key, Origin origin) {
        TensorEntry entry = source.entry(key);
        return new TensorToSave(new TensorSource(key, entry.type(), entry.shape(), fileBytes(source, key)), origin);
    }

    /// Reads from the file and not from the mapping, so that a file truncated meanwhile is an error message.
    private static TensorBytes fileBytes(Checkpoint source, String key) {
        long bytes = source.entry(key).bytes();
        return sink -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment buffer = arena.allocate(Math.min(bytes, CHUNK_BYTES));
                for (long done = 0; done < bytes; done += CHUNK_BYTES) {
                    MemorySegment piece = buffer.asSlice(0, Math.min(CHUNK_BYTES, bytes - done));
                    source.weights().copy(key, done, piece);
                    sink.accept(piece);
                }
            }
        };
    }

    /// In the type it has in the source as long as the model is in the source's own type: a lone tensor of
    /// another type was cast for computing, and is cast back, or taken from the file if nothing changed it.
    private TensorToSave fromModel(CheckpointMapping names, KeyGroup group, String key, Dtype own) {
        TensorEntry entry = names.checkpoint().entry(key);
        Dtype stored = ElementTypes.weightDtype(entry);
        List<Parameter> parameters = group.slots().stream()
                .map(slot -> filled(slot, names.slot(slot)))
                .toList();
        Dtype dtype = parameters.getFirst().dtype();
        boolean cast = dtype != stored && dtype == own;
        if (cast
                && !names.checkpoint().isRewritten(key)
                && group.kind() == KeyGroup.Kind.SAME
                && shape(names, group, key).equals(entry.shape())
                && unchanged(names, parameters.getFirst(), entry, stored)) {
            return fromFile(names.checkpoint(), key, Origin.UNCHANGED);
        }
        SafetensorsType type = cast ? entry.type() : ElementTypes.stored(dtype);
        List<ByteRange> pieces = pieces(names, group, key, type);
        TensorBytes content = sink -> {
            for (ByteRange piece : pieces) {
                Parameter parameter = names.slot(piece.name()).get();
                HostCopy.Elements part =
                        new HostCopy.Elements(piece.from() / type.bytes(), piece.bytes() / type.bytes());
                HostCopy.write(parameter.value(), cast ? stored : dtype, part, sink);
            }
        };
        return new TensorToSave(new TensorSource(key, type, shape(names, group, key), content), Origin.MODEL);
    }

    /// The shape in the source, or the slot's if the model was resized after the load.
    private static List<Long> shape(CheckpointMapping names, KeyGroup group, String key) {
        TensorEntry entry = names.checkpoint().entry(key);
        Slot slot = names.slot(group.slots().getFirst());
        boolean isResized = group.kind() == KeyGroup.Kind.SAME && slot.get().elements() != entry.elements();
        return isResized ? Arrays.stream(slot.shape()).boxed().toList() : entry.shape();
    }

    /// The slots' bytes that `key` is made of, in the type it is written in.
    private static List<ByteRange> pieces(CheckpointMapping names, KeyGroup group, String key, SafetensorsType type) {
        SequencedMap<String, Long> slots = new LinkedHashMap<>();
        group.slots().forEach(slot -> slots.put(slot, names.slot(slot).get().elements() * (long) type.bytes()));
        SequencedMap<String, Long> keys = new LinkedHashMap<>();
        group.keys().forEach(each -> keys.put(each, elements(names, group, each) * type.bytes()));
        return ByteRange.cut(slots, keys).getOrDefault(key, List.of());
    }

    private static long elements(CheckpointMapping names, KeyGroup group, String key) {
        return shape(names, group, key).stream().reduce(1L, Math::multiplyExact);
    }

    private static boolean unchanged(CheckpointMapping names, Parameter parameter, TensorEntry entry, Dtype stored) {
        try (var _ = TensorScope.open()) {
            MemorySegment file = names.checkpoint().bytes(entry.name());
            var asLoaded = Ops.cast(HostTensors.view(file, stored, parameter.shape()), parameter.dtype());
            return HostTensors.bytes(asLoaded).mismatch(HostTensors.bytes(Device.CPU.place(parameter.value()))) < 0;
        }
    }

    private static Parameter filled(String name, Slot slot) {
        Parameter parameter = slot.get();
        if (!parameter.isMaterialized()) {
            throw new BowlineException(
                    "'%s' has no values yet, so the model cannot be saved".formatted(name),
                    "load a checkpoint, or initialise the model, before saving it");
        }
        return parameter;
    }
}
