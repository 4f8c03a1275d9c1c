package dev.bowline.adapter.export;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.ModuleName;
import dev.bowline.adapter.format.VllmModel;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Reads an adapter by the names that vLLM's class of the base binds.
final class VllmReader {

    private static final String KEYS = ".self_attn.k_proj";
    private static final String VALUES = ".self_attn.v_proj";

    private final AdapterFiles files;
    private final VllmModel model;
    private final BaseNames names;

    /// The base's modules by their names without the prefix of the class.
    private final Map<String, String> bodies = new HashMap<>();

    /// The linear of an expert, in transformers' names, by its name in vLLM.
    private final Map<String, Linear> experts = new LinkedHashMap<>();

    private final List<String> problems = new ArrayList<>();

    private record Linear(String module, String parameter) {}

    VllmReader(AdapterFiles files, VllmModel model, BaseNames names) {
        this.files = files;
        this.model = model;
        this.names = names;
        names.modules().forEach(module -> bodies.put(ModuleName.body(module), module));
        names.experts().forEach(this::addExperts);
    }

    private void addExperts(String parameter, int count) {
        for (int expert = 0; expert < count; expert++) {
            for (String projection : projections(parameter)) {
                String module = parameter.substring(0, parameter.lastIndexOf('.')) + "." + expert + "." + projection;
                experts.put(model.expert(parameter, expert, projection), new Linear(module, parameter));
            }
        }
    }

    private static List<String> projections(String parameter) {
        return parameter.endsWith(".down_proj") ? List.of("down_proj") : List.of("gate_proj", "up_proj");
    }

    /// True if a module of the adapter has a name that vLLM has and transformers has not.
    boolean isForVllm() {
        return modules().stream()
                .anyMatch(
                        module -> experts.containsKey(module) || keysOf(module).isPresent());
    }

    private Set<String> modules() {
        Set<String> modules = new TreeSet<>();
        files.keys().values().forEach(key -> modules.add(key.module()));
        return modules;
    }

    /// The module whose weight vLLM loads for the values of a layer whose values are its keys.
    private Optional<String> keysOf(String module) {
        boolean isValues = module.endsWith(VALUES) && !bodies.containsKey(ModuleName.body(module));
        String keys = module.replace(VALUES, KEYS);
        return isValues && bodies.containsKey(ModuleName.body(keys)) ? Optional.of(keys) : Optional.empty();
    }

    ReadBack read() {
        requireOneScale();
        requireWholeStacks();
        Set<String> modules = modules();
        modules.forEach(module -> requireValues(module, modules));
        List<TensorSource> tensors = new ArrayList<>();
        Set<String> dropped = new TreeSet<>();
        files.keys().forEach((name, key) -> {
            Optional<String> own = own(key);
            own.ifPresent(module -> tensors.add(renamed(name, key, module)));
            if (own.isEmpty() && keysOf(key.module()).isEmpty()) {
                dropped.add(key.module());
            }
        });
        dropped.forEach(module -> problems.add(
                "vLLM applies no tensor of '%s': its class of the base binds no such name".formatted(module)));
        return new ReadBack(files.config(), tensors, problems);
    }

    private Optional<String> own(AdapterKey key) {
        Linear expert = experts.get(key.module());
        if (expert != null) {
            return isWhole(expert.parameter) ? Optional.of(expert.module) : Optional.empty();
        }
        boolean isPair = switch (key.part()) {
            case LORA_A, LORA_B, EMBEDDING_A, EMBEDDING_B -> true;
            case BASE_TABLE, COPY, COPY_BIAS, LORA_B_BIAS, MAGNITUDE, TOKENS -> false;
        };
        return isPair && model.binds(key.module())
                ? Optional.ofNullable(bodies.get(ModuleName.body(key.module())))
                : Optional.empty();
    }

    private TensorSource renamed(String name, AdapterKey key, String module) {
        TensorEntry entry = Objects.requireNonNull(files.tensors().get(name));
        String end = name.substring(name.indexOf(key.module()) + key.module().length());
        return new TensorSource(AdapterKey.PREFIX + module + end, entry.type(), entry.shape(), files.bytes(name));
    }

    private void requireOneScale() {
        if (!files.config().rankPattern().isEmpty()
                || !files.config().alphaPattern().isEmpty()) {
            problems.add("adapter_config.json has a rank_pattern or an alpha_pattern, and vLLM reads one rank and one"
                    + " alpha for all modules");
        }
    }

    /// vLLM stacks the matrices of all experts.
    private void requireWholeStacks() {
        Set<String> modules = modules();
        names.experts().keySet().forEach(parameter -> {
            List<String> missing = missing(parameter, modules);
            if (!missing.isEmpty() && missing.size() < count(parameter)) {
                problems.add("%d of %d experts' matrices of '%s' are missing: %s"
                        .formatted(missing.size(), count(parameter), parameter, missing.getFirst()));
            }
        });
    }

    private boolean isWhole(String parameter) {
        return missing(parameter, modules()).isEmpty();
    }

    private List<String> missing(String parameter, Set<String> modules) {
        return experts.entrySet().stream()
                .filter(entry -> entry.getValue().parameter.equals(parameter))
                .map(Map.Entry::getKey)
                .filter(name -> !modules.contains(name))
                .toList();
    }

    private int count(String parameter) {
        return names.experts().getOrDefault(parameter, 0)
                * projections(parameter).size();
    }

    /// In a layer without v_proj the values are the keys: vLLM holds the weight twice, and a delta changes both only
    /// if the file has it twice.
    private void requireValues(String module, Set<String> modules) {
        String values = module.replace(KEYS, VALUES);
        boolean isShared = module.endsWith(KEYS)
                && bodies.containsKey(ModuleName.body(module))
                && keysOf(values).isPresent();
        if (isShared && !modules.contains(values)) {
            problems.add("the values of '%s' are its keys, and the file has no '%s': vLLM changes the keys alone"
                    .formatted(module, values));
        } else if (isShared && !(isSame(module, values, Part.LORA_A) && isSame(module, values, Part.LORA_B))) {
            problems.add("the values of '%s' are its keys, and '%s' has another delta".formatted(module, values));
        }
    }

    private boolean isSame(String module, String other, Part part) {
        Optional<String> one = name(module, part);
        Optional<String> two = name(other, part);
        return one.isPresent() && two.isPresent() && files.bytes(one.get()).mismatch(files.bytes(two.get())) == -1;
    }

    private Optional<String> name(String module, Part part) {
        return files.keys().entrySet().stream()
                .filter(entry -> entry.getValue().equals(new AdapterKey(module, part)))
                .map(Map.Entry::getKey)
                .findFirst();
    }
}
