package dev.bowline.audit.evidence;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The modules of a base model, by the names that they have in the files and by those that transformers' class gives
/// them: adapters are written with the class's names.
public final class BaseModules {

    private static final String WEIGHT = ".weight";
    private static final Pattern EXPERT =
            Pattern.compile("(.*\\.experts)\\.(\\d+)\\.(gate_proj|up_proj|down_proj)\\.weight");

    /// The text before the layers of a text model, alone and inside the class of a model with other inputs.
    private static final List<String> PREFIXES = List.of("model.language_model.", "language_model.model.", "model.");

    private final Map<String, List<Long>> shapes = new HashMap<>();
    private final Map<String, List<Long>> stacked = new TreeMap<>();

    /// The names of all tensors, sorted, so that a module is found by what begins with it.
    private final TreeSet<String> tensorNames = new TreeSet<>();

    private BaseModules() {}

    public static BaseModules of(Subject base) {
        BaseModules modules = new BaseModules();
        List<ReleaseTies> releases = base.table().stream()
                .flatMap(entry -> Stream.concat(entry.v5().stream(), entry.v4().stream()))
                .toList();
        base.tensors().forEach((key, tensor) -> {
            Stream<String> spelled =
                    Stream.concat(Stream.of(key), releases.stream().map(release -> release.rename(key)));
            spelled.forEach(name -> modules.add(name, tensor.entry().shape()));
        });
        // A tied head has no tensor of its own, and the class has the module all the same.
        String head = base.pair().headKey();
        if (base.pair().hasHead() && !modules.tensorNames.contains(head)) {
            base.pair()
                    .embedding()
                    .ifPresentOrElse(
                            embedding -> modules.add(head, embedding.entry().shape()),
                            () -> modules.tensorNames.add(head));
        }
        return modules;
    }

    private void add(String name, List<Long> shape) {
        tensorNames.add(name);
        if (name.endsWith(WEIGHT)) {
            shapes.put(name.substring(0, name.length() - WEIGHT.length()), shape);
        } else if (shape.size() == 3) {
            stacked.put(name, shape);
        }
        Matcher expert = EXPERT.matcher(name);
        if (expert.matches() && shape.size() == 2) {
            addExpert(expert.group(1), Long.parseLong(expert.group(2)) + 1, expert.group(3), shape);
        }
    }

    /// Experts apart in the files are stacked in the class of transformers 5: gate and up in one weight.
    private void addExpert(String experts, long count, String projection, List<Long> shape) {
        boolean isDown = projection.equals("down_proj");
        stacked.merge(
                experts + (isDown ? ".down_proj" : ".gate_up_proj"),
                List.of(count, isDown ? shape.getFirst() : 2 * shape.getFirst(), shape.getLast()),
                (a, b) -> a.getFirst() > b.getFirst() ? a : b);
    }

    /// True if the base has a tensor inside a module of this name.
    public boolean has(String module) {
        String inside = tensorNames.ceiling(module + ".");
        return inside != null && inside.startsWith(module + ".");
    }

    /// The shape of the module's weight.
    public Optional<List<Long>> shape(String module) {
        return Optional.ofNullable(shapes.get(module));
    }

    /// The names of the modules with a weight.
    public Set<String> names() {
        return Collections.unmodifiableSet(shapes.keySet());
    }

    /// The shape `[experts, out, in]` of a stacked weight, such as `model.layers.0.mlp.experts.gate_up_proj`.
    public Optional<List<Long>> stacked(String parameter) {
        return Optional.ofNullable(stacked.get(parameter));
    }

    /// The name that the base has for a module or a stacked weight that another class calls `name`: the same behind
    /// another prefix; empty if the base has none.
    public Optional<String> named(String name) {
        return spellings(name).stream()
                .filter(spelled -> has(spelled) || stacked.containsKey(spelled))
                .findFirst();
    }

    /// The name itself, and the name with every other prefix in place of its own.
    private static List<String> spellings(String name) {
        List<String> spellings = new ArrayList<>(List.of(name));
        PREFIXES.stream()
                .filter(name::startsWith)
                .findFirst()
                .ifPresent(own -> PREFIXES.forEach(other -> spellings.add(other + name.substring(own.length()))));
        return spellings;
    }
}
