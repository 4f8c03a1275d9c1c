package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.safetensors.TensorEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/// The matrices of an adapter for stacked experts, read from every layout to one form.
///
/// PEFT 0.18 and 0.19 use the same keys for transposed matrices. The shapes tell the layouts apart, with the
/// base's shapes or by comparing gate_up_proj with down_proj; where they do not, `peft_version` does.
public final class StackedExperts {

    private final AdapterFiles files;
    private final Function<String, Optional<List<Long>>> shapes;
    private final Map<String, Tensors> stacked = new LinkedHashMap<>();

    /// A stacked weight's tensors in the file.
    private record Tensors(String module, TensorEntry a, TensorEntry b) {

        /// The width of A and the height of B: in and out of the weight, or out and in.
        Sides sides() {
            return new Sides(a.shape().getLast(), b.shape().getFirst());
        }
    }

    private record Sides(long ofA, long ofB) {}

    private StackedExperts(AdapterFiles files, Function<String, Optional<List<Long>>> shapes) {
        this.files = files;
        this.shapes = shapes;
        collect();
    }

    /// @param shapes the shape `[experts, out, in]` of a stacked weight of the base by its full name; empty for a
    ///     weight that is not known, as when there is no base at hand
    public static StackedExperts of(AdapterFiles files, Function<String, Optional<List<Long>>> shapes) {
        return new StackedExperts(files, shapes);
    }

    /// The full names of the stacked weights that the adapter changes in PEFT's keys or AutoModel's.
    public Set<String> parameters() {
        Set<String> parameters = new TreeSet<>(stacked.keySet());
        for (String key : files.tensors().keySet()) {
            ExpertKeys.grouped(key).map(ExpertKeys.Grouped::parameter).ifPresent(parameters::add);
        }
        return parameters;
    }

    private void collect() {
        Map<String, TensorEntry> as = new LinkedHashMap<>();
        Map<String, TensorEntry> bs = new LinkedHashMap<>();
        files.keys().forEach((name, key) -> {
            if (ExpertKeys.isStacked(key.module())) {
                (key.part() == Part.LORA_A ? as : bs)
                        .put(
                                key.module(),
                                Objects.requireNonNull(files.tensors().get(name)));
            }
        });
        as.forEach((module, a) -> {
            String parameter = ExpertKeys.parameter(
                            module, as.keySet(), files.config().targetParameters())
                    .orElseThrow(() -> refused(
                            "has one pair of matrices for '%s', and target_parameters does not say of which weight"
                                    .formatted(module),
                            "name %s or %s in target_parameters".formatted(ExpertKeys.GATE_UP, ExpertKeys.DOWN)));
            stacked.put(parameter, new Tensors(module, a, Objects.requireNonNull(bs.get(module))));
        });
    }

    /// The layout of the file; empty for an adapter that changes no stacked weight.
    ///
    /// @throws BowlineException where neither the shapes nor `peft_version` tell the layout
    public Optional<ExpertLayout> layout() {
        boolean grouped = files.tensors().keySet().stream().anyMatch(ExpertKeys::isGrouped);
        if (grouped && !stacked.isEmpty()) {
            throw refused("has experts in the layouts of both AutoModel and PEFT", "save the adapter again");
        }
        if (grouped) {
            return Optional.of(ExpertLayout.AUTOMODEL_GROUPED);
        }
        return stacked.isEmpty() ? Optional.empty() : Optional.of(peft());
    }

    private ExpertLayout peft() {
        Set<ExpertLayout> possible = new TreeSet<>(Set.of(ExpertLayout.PEFT, ExpertLayout.PEFT_SWAPPED));
        stacked.forEach((parameter, tensors) -> possible.retainAll(fitting(parameter, tensors)));
        return switch (possible.size()) {
            case 1 -> possible.iterator().next();
            case 2 -> byVersion();
            default ->
                throw refused(
                        "has experts whose shapes fit no layout of PEFT: %s".formatted(shapesOf()),
                        "use the adapter with the model that it was trained on");
        };
    }

    private Set<ExpertLayout> fitting(String parameter, Tensors tensors) {
        Sides sides = tensors.sides();
        Set<ExpertLayout> fitting = new TreeSet<>();
        Optional<List<Long>> shape = shapes.apply(parameter);
        Optional<Tensors> other = Optional.ofNullable(stacked.get(partner(parameter)));
        if (shape.isPresent()) {
            long out = shape.get().get(1);
            long in = shape.get().get(2);
            addIf(fitting, ExpertLayout.PEFT, sides.equals(new Sides(in, out)));
            addIf(fitting, ExpertLayout.PEFT_SWAPPED, sides.equals(new Sides(out, in)));
            return fitting;
        }
        if (other.isEmpty()) {
            return Set.of(ExpertLayout.PEFT, ExpertLayout.PEFT_SWAPPED);
        }
        boolean isDown = parameter.endsWith(ExpertKeys.DOWN);
        Sides gateUp = isDown ? other.get().sides() : sides;
        Sides down = isDown ? sides : other.get().sides();
        // gate_up_proj [2 f, h] and down_proj [h, f]
        addIf(fitting, ExpertLayout.PEFT, gateUp.ofA == down.ofB && gateUp.ofB == 2 * down.ofA);
        addIf(fitting, ExpertLayout.PEFT_SWAPPED, gateUp.ofB == down.ofA && gateUp.ofA == 2 * down.ofB);
        return fitting;
    }

    private static void addIf(Set<ExpertLayout> fitting, ExpertLayout layout, boolean fits) {
        if (fits) {
            fitting.add(layout);
        }
    }

    private static String partner(String parameter) {
        String experts = parameter.substring(0, parameter.lastIndexOf('.') + 1);
        return experts + (parameter.endsWith(ExpertKeys.DOWN) ? ExpertKeys.GATE_UP : ExpertKeys.DOWN);
    }

    private ExpertLayout byVersion() {
        String version = files.json()
                .optionalString("peft_version")
                .orElseThrow(() -> refused(
                        "has experts whose layout is not known: the shapes fit that of PEFT 0.18 and that of 0.19, and"
                                + " adapter_config.json has no peft_version",
                        "name the base model, or write the peft_version that the adapter was saved with into"
                                + " adapter_config.json"));
        List<Long> numbers = new ArrayList<>();
        for (String part : version.split("[.@+]")) {
            if (part.matches("\\d{1,9}")) {
                numbers.add(Long.parseLong(part));
            }
        }
        if (numbers.size() < 2) {
            throw refused("has the peft_version \"%s\"".formatted(version), "correct it in adapter_config.json");
        }
        boolean isOld = numbers.getFirst() == 0 && numbers.get(1) < 19;
        return isOld ? ExpertLayout.PEFT_SWAPPED : ExpertLayout.PEFT;
    }

    /// The pairs in the order of the weights' names. A segment is in the adapter's mapped file or in `arena`.
    public List<ExpertPair> pairs(Arena arena) {
        Optional<ExpertLayout> layout = layout();
        if (layout.isEmpty()) {
            return List.of();
        }
        List<ExpertPair> pairs = new ArrayList<>();
        for (String parameter : parameters()) {
            pairs.add(
                    switch (layout.get()) {
                        case PEFT -> peft(parameter, arena);
                        case PEFT_SWAPPED -> swapped(parameter, arena);
                        case AUTOMODEL_GROUPED -> grouped(parameter, arena);
                    });
        }
        return pairs;
    }

    private ExpertPair peft(String parameter, Arena arena) {
        Tensors tensors = Objects.requireNonNull(stacked.get(parameter));
        long experts = experts(parameter, tensors);
        return ExpertPair.ofPeft(
                parameter,
                experts,
                tensors.sides().ofA,
                tensors.sides().ofB,
                tensors.a.shape().getFirst() / experts,
                tensors.a.type(),
                bytes(tensors.a),
                bytes(tensors.b),
                arena);
    }

    /// A holds Bᵀ of every expert, B holds Aᵀ.
    private ExpertPair swapped(String parameter, Arena arena) {
        Tensors tensors = Objects.requireNonNull(stacked.get(parameter));
        long experts = experts(parameter, tensors);
        long in = tensors.sides().ofB;
        long out = tensors.sides().ofA;
        long rank = tensors.a.shape().getFirst() / experts;
        int size = tensors.a.type().bytes();
        Permutation a = Permutation.of(new long[] {experts, rank, in}, 1, experts, rank * experts);
        Permutation b = Permutation.of(new long[] {experts, out, rank}, rank * out, 1, out);
        return new ExpertPair(
                parameter,
                experts,
                in,
                out,
                rank,
                tensors.a.type(),
                a.copy(bytes(tensors.b), size, arena),
                b.copy(bytes(tensors.a), size, arena));
    }

    private ExpertPair grouped(String parameter, Arena arena) {
        TensorEntry a = grouped(parameter, true);
        TensorEntry b = grouped(parameter, false);
        if (a.shape().size() != 3
                || b.shape().size() != 3
                || !a.shape().getFirst().equals(b.shape().getFirst())
                || !a.shape().getLast().equals(b.shape().get(1))) {
            throw refused(
                    "has '%s' %s and '%s' %s; [experts, in, rank] and [experts, rank, out] are expected"
                            .formatted(a.name(), a.shape(), b.name(), b.shape()),
                    "save the adapter again");
        }
        long experts = a.shape().getFirst();
        long in = a.shape().get(1);
        long rank = a.shape().getLast();
        long out = b.shape().getLast();
        requireFit(parameter, experts, out, in);
        Permutation orderA = Permutation.of(new long[] {experts, rank, in}, in * rank, 1, rank);
        Permutation orderB = Permutation.of(new long[] {experts, out, rank}, rank * out, 1, out);
        return new ExpertPair(
                parameter,
                experts,
                in,
                out,
                rank,
                a.type(),
                orderA.copy(bytes(a), a.type().bytes(), arena),
                orderB.copy(bytes(b), b.type().bytes(), arena));
    }

    private TensorEntry grouped(String parameter, boolean isA) {
        ExpertKeys.Grouped wanted = new ExpertKeys.Grouped(parameter, isA);
        return files.tensors().values().stream()
                .filter(tensor -> ExpertKeys.grouped(tensor.name()).equals(Optional.of(wanted)))
                .findFirst()
                .orElseThrow(() ->
                        refused("lacks %s of '%s'".formatted(isA ? "A" : "B", parameter), "save the adapter again"));
    }

    /// The number of experts: that of the base, or that which the settings' rank leaves.
    private long experts(String parameter, Tensors tensors) {
        long rank = files.config().rank(parameter);
        long experts = tensors.a.shape().getFirst() / rank;
        long expected = shapes.apply(parameter).map(List::getFirst).orElse(experts);
        if (experts != expected || tensors.a.shape().getFirst() != experts * rank) {
            throw refused(
                    "has %d rows in '%s', and %d experts of rank %d need %d"
                            .formatted(tensors.a.shape().getFirst(), tensors.a.name(), expected, rank, expected * rank),
                    "correct r or rank_pattern in adapter_config.json, or use the adapter's own base");
        }
        return experts;
    }

    private void requireFit(String parameter, long experts, long out, long in) {
        List<Long> found = List.of(experts, out, in);
        List<Long> expected = shapes.apply(parameter).orElse(found);
        if (!expected.equals(found)) {
            throw refused(
                    "fits a weight '%s' %s, and the base's is %s".formatted(parameter, found, expected),
                    "use the adapter with the model that it was trained on");
        }
    }

    private String shapesOf() {
        return stacked.values().stream()
                .limit(2)
                .map(tensors -> "'%s' %s, '%s' %s"
                        .formatted(tensors.a.name(), tensors.a.shape(), tensors.b.name(), tensors.b.shape()))
                .reduce((first, second) -> first + ", " + second)
                .orElse("none");
    }

    private MemorySegment bytes(TensorEntry tensor) {
        return files.bytes(tensor.name());
    }

    private BowlineException refused(String problem, String fix) {
        return new BowlineException("the adapter %s %s".formatted(files.directory(), problem), fix);
    }
}
