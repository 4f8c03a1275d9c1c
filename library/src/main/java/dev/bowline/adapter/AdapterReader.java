package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.ExpertPair;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.StackedExperts;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.LinearStack;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/// The files of an adapter, read for a model. The tensors of the file decide which modules are adapted, as
/// all of them must have an effect; the settings give the scales.
final class AdapterReader {

    private final LanguageModel model;
    private final AdapterFiles files;
    private final SequencedMap<AdapterKey, String> keys = new LinkedHashMap<>();
    private final Map<String, ExpertPair> experts = new LinkedHashMap<>();
    private final Set<String> expertKeys;
    private final Map<String, Linear> linears;
    private final Map<String, LinearStack> stacks;

    /// @param arena owner of the experts' matrices in the order in which the model has them
    AdapterReader(LanguageModel model, AdapterFiles files, Arena arena) {
        this.model = model;
        this.files = files;
        linears = model.linears();
        stacks = model.linearStacks();
        files.keys().forEach((key, meaning) -> keys.put(meaning, key));
        StackedExperts stacked = StackedExperts.of(files, new ModelExperts(model));
        stacked.pairs(arena).forEach(pair -> experts.put(pair.parameter(), pair));
        expertKeys = stacked.keys();
    }

    LoraConfig config() {
        return files.config();
    }

    /// The meaning of each key of the file.
    Set<AdapterKey> keys() {
        return keys.sequencedKeySet();
    }

    /// The adapted modules, in the order of the file.
    ///
    /// @throws BowlineException if the model has no such module, or one of another shape, and if the file has no
    ///     values of a module that the settings name
    List<AdaptedModule> modules() {
        requireOneChange();
        List<AdaptedModule> modules = new ArrayList<>();
        Set<String> others = new LinkedHashSet<>();
        keys.forEach((key, name) -> {
            boolean isTiedHead = EmbeddingParts.names(model).contains(key.module());
            boolean isOfExperts = expertKeys.contains(name);
            if (key.part() == Part.LORA_A && !isOfExperts && !isTiedHead) {
                modules.add(pair(key));
            } else if (!isOfExperts) {
                others.add(key.module());
            }
        });
        experts.values().forEach(pair -> modules.add(pairs(pair)));
        modules.forEach(module -> others.remove(module.module()));
        if (!others.isEmpty()) {
            modules.addAll(EmbeddingsInFile.of(model, this, others));
        }
        keys.keySet().stream().filter(key -> key.part() == Part.BASE_TABLE).forEach(this::requireBaseTable);
        AdapterTargets.requireStoredRows(model, modules);
        TrainedValues.require(model, this);
        return modules;
    }

    /// A pair, a copy and rows of tokens are different changes of a module; one of two would have no effect.
    private void requireOneChange() {
        Map<String, String> changes = new LinkedHashMap<>();
        keys.forEach((key, name) -> {
            boolean isChange = switch (key.part()) {
                case LORA_A, EMBEDDING_A, COPY, TOKENS -> !expertKeys.contains(name);
                case LORA_B, LORA_B_BIAS, MAGNITUDE, EMBEDDING_B, COPY_BIAS, BASE_TABLE -> false;
            };
            if (isChange && changes.containsKey(key.module())) {
                throw refused(
                        "changes '%s' twice, by '%s' and by '%s'"
                                .formatted(key.module(), changes.get(key.module()), name),
                        "remove one of the two tensors, or save the adapter again");
            }
            if (isChange) {
                changes.put(key.module(), name);
            }
        });
    }

    /// PEFT writes the table of the base with a pair on it, and PEFT computes with the table of the file.
    private void requireBaseTable(AdapterKey key) {
        Slot slot = model.slots().get(key.module() + ".weight");
        if (slot != null
                && slot.get().isMaterialized()
                && !isSame(tensor(key), slot.tensor().detach())) {
            throw refused(
                    "holds the table of its base as '%s', of shape %s, and the model's table of shape %s differs"
                            .formatted(keys.get(key), Shapes.text(Shapes.of(tensor(key))), Shapes.text(slot.shape())),
                    "use the adapter with the model that it was trained on; if that was resized, resize this one");
        }
    }

    /// True if the values are equal in the dtype of `present`.
    private static boolean isSame(Tensor stored, Tensor present) {
        return Arrays.equals(Shapes.of(stored), Shapes.of(present))
                && Ops.cast(stored, Dtype.of(present.scalar_type())).equal(Device.CPU.place(present));
    }

    /// Requires that two modules of the file have the same values, because they share one.
    void requireSame(String module, String other, Part part) {
        requireShared(module, other, isSame(tensor(new AdapterKey(module, part)), tensor(new AdapterKey(other, part))));
    }

    /// Requires that the file's matrix of `other` is a filled slot transposed, because both modules share one
    /// delta.
    void requireTransposed(Slot slot, String module, String other, Part part) {
        AdapterKey key = new AdapterKey(other, part);
        if (keys.containsKey(key)) {
            requireShared(
                    module, other, isSame(tensor(key), slot.tensor().detach().t()));
        }
    }

    private void requireShared(String module, String other, boolean isSame) {
        if (!isSame) {
            throw refused(
                    "says ensure_weight_tying, and its values of '%s' and '%s' differ".formatted(module, other),
                    "save the adapter again, or set ensure_weight_tying to false to use the values of both");
        }
    }

    /// The rows of a tensor of the file.
    long rows(String module, Part part) {
        return entry(new AdapterKey(module, part)).shape().getFirst();
    }

    private Tensor tensor(AdapterKey key) {
        TensorEntry entry = entry(key);
        return HostTensors.copyOf(
                files.bytes(entry.name()),
                dtype(entry.type()),
                entry.shape().stream().mapToLong(Long::longValue).toArray());
    }

    private LinearPair pair(AdapterKey key) {
        String path = key.module();
        Linear linear = linears.get(path);
        if (linear == null) {
            throw refused(
                    "holds '%s', and the model has no linear '%s'%s"
                            .formatted(keys.get(key), path, NearestNames.hint(path, linears.keySet())),
                    "use the adapter with the model that it was trained on");
        }
        LinearOperator operator = linear.operator();
        long rank = entry(key).shape().getFirst();
        String named = TargetPatterns.isParameter(config(), path + ".weight") ? path + ".weight" : path;
        return new LinearPair(path, operator.in(), operator.out(), rank, config().scale(named), config().variant());
    }

    private ExpertPairs pairs(ExpertPair pair) {
        if (!stacks.containsKey(pair.parameter())) {
            throw refused(
                    "holds matrices for the experts '%s', and the model has none of that name%s"
                            .formatted(pair.parameter(), NearestNames.hint(pair.parameter(), stacks.keySet())),
                    "use the adapter with the model that it was trained on");
        }
        return new ExpertPairs(
                pair.parameter(), pair.experts(), pair.in(), pair.out(), pair.rank(), config().scale(pair.parameter()));
    }

    /// Gives a slot the values of a tensor of the file, in float32.
    void fill(Slot slot, String module, Part part) {
        fill(slot, module, part, Dtype.FLOAT32);
    }

    /// Gives a slot the values of a tensor of the file.
    void fill(Slot slot, String module, Part part, Dtype dtype) {
        AdapterKey key = new AdapterKey(module, part);
        TensorEntry entry = entry(key);
        long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
        if (!Arrays.equals(shape, slot.shape())) {
            throw refused(
                    "holds '%s' of shape %s, and the model needs %s"
                            .formatted(entry.name(), Shapes.text(shape), Shapes.text(slot.shape())),
                    "use the adapter with the model that it was trained on");
        }
        slot.get().materialize(Ops.cast(tensor(key), dtype));
    }

    /// Gives two slots the values of the pairs of all experts, in float32.
    void fillExperts(Slot a, Slot b, String parameter) {
        ExpertPair pair = Objects.requireNonNull(experts.get(parameter));
        fill(a, pair.a(), pair.type());
        fill(b, pair.b(), pair.type());
    }

    private void fill(Slot slot, MemorySegment bytes, SafetensorsType type) {
        Tensor stored = HostTensors.copyOf(bytes, dtype(type), slot.shape());
        slot.get().materialize(Ops.cast(stored, Dtype.FLOAT32));
    }

    private Dtype dtype(SafetensorsType type) {
        return switch (type) {
            case F64 -> Dtype.FLOAT64;
            case F32 -> Dtype.FLOAT32;
            case F16 -> Dtype.FLOAT16;
            case BF16 -> Dtype.BFLOAT16;
            case F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL ->
                throw refused("holds values of type %s".formatted(type), "save the adapter again in float32");
        };
    }

    private TensorEntry entry(AdapterKey key) {
        String name = keys.get(key);
        if (name == null) {
            throw refused("lacks %s of '%s'".formatted(key.part(), key.module()), "save the adapter again");
        }
        return Objects.requireNonNull(files.tensors().get(name));
    }

    BowlineException refused(String problem, String fix) {
        return new BowlineException("the adapter %s %s".formatted(files.directory(), problem), fix);
    }
}
