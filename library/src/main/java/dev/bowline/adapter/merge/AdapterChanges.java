package dev.bowline.adapter.merge;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.NearestNames;
import dev.bowline.Remedy;
import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.BaseExperts;
import dev.bowline.adapter.format.ExpertPair;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.adapter.format.StackedExperts;
import dev.bowline.checkpoint.ElementTypes;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.streamed.Rows;
import dev.bowline.streamed.StreamedCheckpoint;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// The changes that an adapter's tensors make to the weights of its base: each tensor of the file is part of a
/// change, or the adapter is refused.
final class AdapterChanges {

    private final AdapterFiles files;
    private final StreamedCheckpoint base;
    private final Arena arena;
    private final Map<AdapterKey, String> keys = new HashMap<>();
    private final Set<String> used = new LinkedHashSet<>();
    private final List<SlotChange> changes = new ArrayList<>();

    /// A change of rows of one slot.
    ///
    /// @param first the row of the slot that the first row of the change is for
    /// @param uses the members of a tied pair that it reaches
    record SlotChange(String slot, Kind kind, long first, Change change, List<String> keys, Uses uses) {}

    /// @param arena owner of reordered matrices of experts
    private AdapterChanges(AdapterFiles files, StreamedCheckpoint base, Arena arena) {
        this.files = files;
        this.base = base;
        this.arena = arena;
        files.keys().forEach((name, key) -> keys.put(key, name));
    }

    /// @throws BowlineException for a tensor that fits no weight, and for a module without its tensors
    static List<SlotChange> of(AdapterFiles files, List<AdaptedModule> modules, StreamedCheckpoint base, Arena arena) {
        AdapterChanges all = new AdapterChanges(files, base, arena);
        all.addExperts(modules);
        modules.forEach(all::add);
        all.requireAllUsed();
        return List.copyOf(all.changes);
    }

    private void add(AdaptedModule module) {
        switch (module) {
            case AdaptedModule.LinearPair pair -> addLinear(pair);
            case AdaptedModule.ExpertPairs _ -> {}
            case AdaptedModule.EmbeddingPair pair -> addEmbedding(pair);
            case AdaptedModule.SavedModule saved -> addSaved(saved);
            case AdaptedModule.TokenRows rows -> addRows(rows);
        }
    }

    private void addLinear(AdaptedModule.LinearPair pair) {
        String name = pair.module();
        requireBaseTable(name);
        List<String> tensors = new ArrayList<>(List.of(require(name, Part.LORA_A), require(name, Part.LORA_B)));
        requireShape(tensors.get(0), pair.rank(), pair.in());
        requireShape(tensors.get(1), pair.out(), pair.rank());
        Optional<AdapterMatrix> magnitude = switch (pair.variant()) {
            case LORA -> Optional.empty();
            case DORA -> {
                String key = require(name, Part.MAGNITUDE);
                requireShape(key, pair.out());
                tensors.add(key);
                yield Optional.of(matrix(key));
            }
        };
        Change change = new Change.LowRank(matrix(tensors.get(1)), matrix(tensors.get(0)), pair.scale(), magnitude);
        String slot = name + ".weight";
        changes.add(new SlotChange(slot, kind(slot, Kind.LINEAR), 0, change, tensors, Uses.NAMED));
    }

    private void addExperts(List<AdaptedModule> modules) {
        StackedExperts stacked = StackedExperts.of(files, new StreamedExperts(base));
        Map<String, AdaptedModule.ExpertPairs> wanted = new LinkedHashMap<>();
        modules.forEach(module -> {
            if (module instanceof AdaptedModule.ExpertPairs pairs) {
                wanted.put(pairs.module(), pairs);
            }
        });
        for (ExpertPair pair : stacked.pairs(arena)) {
            AdaptedModule.ExpertPairs module = wanted.remove(pair.parameter());
            if (module == null) {
                throw refused(
                        "has matrices for the experts '%s', which its settings do not name".formatted(pair.parameter()),
                        "name the weight in target_parameters of adapter_config.json");
            }
            List<String> tensors = List.copyOf(stacked.keys(pair.parameter()));
            used.addAll(tensors);
            Dtype dtype = ElementTypes.dtype(pair.type()).orElseThrow();
            for (int expert = 0; expert < pair.experts(); expert++) {
                Change change = new Change.LowRank(
                        part(pair.b(), dtype, expert, pair.out(), pair.rank()),
                        part(pair.a(), dtype, expert, pair.rank(), pair.in()),
                        module.scale(),
                        Optional.empty());
                changes.add(new SlotChange(
                        pair.parameter(), Kind.EXPERTS, expert * pair.out(), change, tensors, Uses.NAMED));
            }
        }
        wanted.keySet().stream().findFirst().ifPresent(missing -> {
            throw refused(
                    "names the experts '%s' and has no tensors for them".formatted(missing),
                    "use the complete files of the adapter");
        });
    }

    private static AdapterMatrix part(MemorySegment all, Dtype dtype, int index, long rows, long width) {
        long bytes = rows * width * dtype.bytes();
        return AdapterMatrix.of(all.asSlice(index * bytes, bytes), dtype, rows, width);
    }

    /// The base's experts, by the names of its model's slots.
    private record StreamedExperts(StreamedCheckpoint base) implements BaseExperts {

        @Override
        public Optional<List<Long>> shape(String parameter) {
            return slot(parameter)
                    .map(slot -> Arrays.stream(slot.shape()).boxed().toList());
        }

        @Override
        public Optional<double[]> outputScale(String experts) {
            String scale = experts.substring(0, experts.lastIndexOf('.')) + ".router.per_expert_scale";
            return slot(scale).map(slot -> values(base.rows(scale)));
        }

        private Optional<Slot> slot(String name) {
            return Optional.ofNullable(base.model().slots().get(name));
        }

        private static double[] values(Rows rows) {
            try (TensorScope _ = TensorScope.open()) {
                return HostTensors.bytes(rows.read(0, rows.count(), Dtype.FLOAT64))
                        .toArray(ValueLayout.JAVA_DOUBLE);
            }
        }
    }

    /// The row of a token is its row of W plus scale Aᵀ Bᵀ. PEFT writes a shared pair under both modules; it is
    /// one change.
    private void addEmbedding(AdaptedModule.EmbeddingPair pair) {
        List<Change.LowRank> pairs = new ArrayList<>();
        List<String> tensors = new ArrayList<>();
        for (String module : modules(pair.module(), pair.uses())) {
            requireBaseTable(module);
            if (find(module, Part.EMBEDDING_A).isPresent()) {
                pairs.add(ofEmbedding(pair, module, tensors));
            } else if (find(module, Part.LORA_A).isPresent()) {
                pairs.add(ofHead(pair, module, tensors));
            }
        }
        if (pairs.isEmpty()) {
            throw refused(
                    "names '%s' and has no pair of matrices for it".formatted(pair.module()),
                    "use the complete files of the adapter");
        }
        requireOne(pair.module(), pairs.getFirst().left(), pairs.getLast().left());
        requireOne(pair.module(), pairs.getFirst().right(), pairs.getLast().right());
        String slot = pair.module() + ".weight";
        changes.add(new SlotChange(slot, kind(slot, Kind.EMBEDDING), 0, pairs.getFirst(), tensors, pair.uses()));
    }

    private Change.LowRank ofEmbedding(AdaptedModule.EmbeddingPair pair, String module, List<String> tensors) {
        String a = require(module, Part.EMBEDDING_A);
        String b = require(module, Part.EMBEDDING_B);
        requireShape(a, pair.rank(), pair.vocabulary());
        requireShape(b, pair.width(), pair.rank());
        tensors.addAll(List.of(a, b));
        return new Change.LowRank(matrix(a).transposed(), matrix(b).transposed(), pair.scale(), Optional.empty());
    }

    private Change.LowRank ofHead(AdaptedModule.EmbeddingPair pair, String module, List<String> tensors) {
        String a = require(module, Part.LORA_A);
        String b = require(module, Part.LORA_B);
        requireShape(a, pair.rank(), pair.width());
        requireShape(b, pair.vocabulary(), pair.rank());
        tensors.addAll(List.of(a, b));
        return new Change.LowRank(matrix(b), matrix(a), pair.scale(), Optional.empty());
    }

    /// The module itself, and for both uses the other one of the tied pair too.
    private List<String> modules(String module, Uses uses) {
        return switch (uses) {
            case NAMED -> List.of(module);
            case BOTH -> List.of(withoutWeight(base.embedding()), withoutWeight(base.head()));
        };
    }

    private static String withoutWeight(String slot) {
        return slot.substring(0, slot.length() - ".weight".length());
    }

    private void requireOne(String module, AdapterMatrix first, AdapterMatrix second) {
        if (!first.hasValuesOf(second)) {
            throw refused(
                    "has two different deltas for the tied modules of '%s', and its tie mode is shared"
                            .formatted(module),
                    Fix.of("merge each into its own module: ").and(Remedy.TieMode.UNTIE));
        }
    }

    /// PEFT stores the base's table next to the pair of an embedding. It must be the table of this base.
    private void requireBaseTable(String module) {
        String key = AdapterKey.PREFIX + module + ".base_layer.weight";
        if (!files.tensors().containsKey(key)) {
            return;
        }
        String slot = module + ".weight";
        requireShape(key, Objects.requireNonNull(base.model().slots().get(slot)).shape());
        used.add(key);
        if (!matrix(key).hasValuesOf(base.rows(slot))) {
            throw refused(
                    "stores the base's '%s', and the base at hand has other values".formatted(slot),
                    "name the base model that the adapter was trained on");
        }
    }

    private void addSaved(AdaptedModule.SavedModule saved) {
        for (String suffix : List.of(".weight", ".bias")) {
            List<String> tensors = modules(saved.module(), saved.uses()).stream()
                    .map(module -> AdapterKey.PREFIX + module + suffix)
                    .filter(files.tensors()::containsKey)
                    .toList();
            String slot = saved.module() + suffix;
            Slot target = base.model().slots().get(slot);
            if (target == null || tensors.isEmpty()) {
                continue;
            }
            tensors.forEach(key -> requireShape(key, target.shape()));
            used.addAll(tensors);
            requireOne(saved.module(), rows(tensors.getFirst()), rows(tensors.getLast()));
            changes.add(new SlotChange(
                    slot, Kind.SAVED_MODULE, 0, new Change.Whole(rows(tensors.getFirst())), tensors, saved.uses()));
        }
    }

    private void addRows(AdaptedModule.TokenRows rows) {
        String key = require(rows.module(), Part.TOKENS);
        requireShape(key, rows.ids().size(), rows.width());
        SequencedMap<Long, Long> places = new LinkedHashMap<>();
        ids(rows).forEach(id -> places.put(id, (long) places.size()));
        String slot = rows.module() + ".weight";
        long count = Objects.requireNonNull(base.model().slots().get(slot)).shape()[0];
        changes.add(new SlotChange(
                slot, Kind.TOKEN_ROWS, 0, new Change.SomeRows(count, matrix(key), places), List.of(key), rows.uses()));
    }

    /// The ids in the order of the tensor's rows, which is that of the settings.
    private List<Long> ids(AdaptedModule.TokenRows rows) {
        return files.config().trainableTokenIndices().entrySet().stream()
                .filter(entry -> ModulePatterns.Named.matches(entry.getKey(), rows.module()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(rows.ids());
    }

    private Kind kind(String slot, Kind other) {
        return slot.equals(base.head()) ? Kind.HEAD : slot.equals(base.embedding()) ? Kind.EMBEDDING : other;
    }

    private void requireAllUsed() {
        for (String key : files.tensors().keySet()) {
            if (!used.contains(key)) {
                throw refused(
                        "has the tensor '%s', which changes nothing that its settings name%s"
                                .formatted(key, NearestNames.hint(key, used)),
                        "use the adapter_config.json that was saved with these tensors");
            }
        }
    }

    private Optional<String> find(String module, Part part) {
        return Optional.ofNullable(keys.get(new AdapterKey(module, part)));
    }

    private String require(String module, Part part) {
        String key = find(module, part)
                .orElseThrow(() -> refused(
                        "names '%s' and has no tensor %s for it".formatted(module, part),
                        "use the complete files of the adapter"));
        used.add(key);
        return key;
    }

    private void requireShape(String key, long... expected) {
        List<Long> found = entry(key).shape();
        List<Long> wanted = Arrays.stream(expected).boxed().toList();
        if (!found.equals(wanted)) {
            throw refused(
                    "has '%s' of shape %s, and the base needs %s".formatted(key, found, wanted),
                    "use the adapter with the model that it was trained on");
        }
    }

    private TensorEntry entry(String key) {
        return Objects.requireNonNull(files.tensors().get(key));
    }

    private AdapterMatrix matrix(String key) {
        TensorEntry entry = entry(key);
        return AdapterMatrix.of(files.bytes(key), dtype(entry), shape(entry));
    }

    /// A vector is one row here, as in the base.
    private AdapterMatrix rows(String key) {
        TensorEntry entry = entry(key);
        long width = Rows.width(entry);
        return AdapterMatrix.of(files.bytes(key), dtype(entry), Rows.count(entry), width);
    }

    private Dtype dtype(TensorEntry entry) {
        return switch (entry.type()) {
            case F64, F32, F16, BF16 -> ElementTypes.dtype(entry.type()).orElseThrow();
            case F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL ->
                throw refused(
                        "has '%s' as %s, which is no type of a weight".formatted(entry.name(), entry.type()),
                        "save the adapter in float32, bfloat16 or float16");
        };
    }

    private static long[] shape(TensorEntry entry) {
        return entry.shape().stream().mapToLong(Long::longValue).toArray();
    }

    private BowlineException refused(String problem, String fix) {
        return refused(problem, Fix.of(fix));
    }

    private BowlineException refused(String problem, Fix fix) {
        return new BowlineException("the adapter %s %s".formatted(files.directory(), problem), fix);
    }
}
