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
import java.util.Optional;
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
    private final Map<String, Linear> linears;
    private final Map<String, LinearStack> stacks;

    /// @param arena owner of the experts' matrices in the order in which the model has them
    AdapterReader(LanguageModel model, AdapterFiles files, Arena arena) {
        this.model = model;
        this.files = files;
        linears = model.linears();
        stacks = model.linearStacks();
        files.keys().forEach((key, meaning) -> keys.put(meaning, key));
        StackedExperts.of(
                        files,
                        parameter -> Optional.ofNullable(stacks.get(parameter))
                                .map(stack -> Arrays.stream(stack.weight().shape())
                                        .boxed()
                                        .toList()))
                .pairs(arena)
                .forEach(pair -> experts.put(pair.parameter(), pair));
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
    /// @throws BowlineException if the model has no such module, or one of another shape
    List<AdaptedModule> modules() {
        List<AdaptedModule> modules = new ArrayList<>();
        Set<String> others = new LinkedHashSet<>();
        for (AdapterKey key : keys.keySet()) {
            boolean isTiedHead = EmbeddingParts.names(model).contains(key.module());
            if (key.part() == Part.LORA_A && !key.isExperts() && !isTiedHead) {
                modules.add(pair(key));
            } else if (!key.isExperts()) {
                others.add(key.module());
            }
        }
        experts.values().forEach(pair -> modules.add(pairs(pair)));
        modules.forEach(module -> others.remove(module.module()));
        if (!others.isEmpty()) {
            modules.addAll(EmbeddingParts.inFile(model, this, others));
        }
        return modules;
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
        AdapterKey key = new AdapterKey(module, part);
        TensorEntry entry = entry(key);
        long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
        if (!Arrays.equals(shape, slot.shape())) {
            throw refused(
                    "holds '%s' of shape %s, and the model needs %s"
                            .formatted(entry.name(), Shapes.text(shape), Shapes.text(slot.shape())),
                    "use the adapter with the model that it was trained on");
        }
        fill(slot, files.bytes(entry.name()), entry.type());
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
