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
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// Experts under PEFT's keys. PEFT 0.18 and 0.19 use the same keys for transposed matrices. The shapes tell the
/// layouts apart, with the base's shapes or by comparing gate_up_proj with down_proj; where they do not,
/// `peft_version` does.
final class PeftExperts implements ExpertReader {

    private final AdapterFiles files;
    private final BaseExperts base;
    private final SequencedMap<String, Tensors> stacked = new TreeMap<>();

    /// A stacked weight's tensors in the file.
    private record Tensors(String module, TensorEntry a, TensorEntry b) {

        /// The width of A and the height of B: in and out of the weight, or out and in.
        Sides sides() {
            return new Sides(a.shape().getLast(), b.shape().getFirst());
        }
    }

    private record Sides(long ofA, long ofB) {}

    PeftExperts(AdapterFiles files, BaseExperts base) {
        this.files = files;
        this.base = base;
        collect();
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

    @Override
    public SequencedMap<String, Set<String>> parameters() {
        SequencedMap<String, Set<String>> parameters = new TreeMap<>();
        stacked.forEach((parameter, tensors) -> parameters.put(parameter, Set.of(tensors.a.name(), tensors.b.name())));
        return parameters;
    }

    @Override
    public ExpertLayout layout() {
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
        Optional<List<Long>> shape = base.shape(parameter);
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

    @Override
    public ExpertPair pair(String parameter, Arena arena) {
        ExpertPair pair = layout() == ExpertLayout.PEFT ? peft(parameter, arena) : swapped(parameter, arena);
        return ExpertReader.fitting(files, base, pair);
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

    /// The number of experts: that of the base, or that which the settings' rank leaves.
    private long experts(String parameter, Tensors tensors) {
        long rank = files.config().rank(parameter);
        long experts = tensors.a.shape().getFirst() / rank;
        long expected = base.shape(parameter).map(List::getFirst).orElse(experts);
        if (experts != expected || tensors.a.shape().getFirst() != experts * rank) {
            throw refused(
                    "has %d rows in '%s', and %d experts of rank %d need %d"
                            .formatted(tensors.a.shape().getFirst(), tensors.a.name(), expected, rank, expected * rank),
                    "correct r or rank_pattern in adapter_config.json, or use the adapter's own base");
        }
        return experts;
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
        return ExpertReader.refused(files, problem, fix);
    }
}
