package dev.bowline.adapter.format;

import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.WeightFiles;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// `adapter_config.json` of an adapter that is written anew: the source's values, and the keys that name
/// experts as PEFT names them.
final class ConvertedSettings {

    private static final Set<String> OF_EXPERTS =
            Set.of("target_parameters", "rank_pattern", "alpha_pattern", "peft_version");

    private static final String WEIGHT = ".weight";

    private final AdapterFiles files;
    private final StackedExperts experts;
    private final Optional<WeightFiles> base;

    ConvertedSettings(AdapterFiles files, StackedExperts experts, Optional<WeightFiles> base) {
        this.files = files;
        this.experts = experts;
        this.base = base;
    }

    /// The name or directory of the base in an adapter's settings; AutoModel writes N/A where it knows none.
    static Optional<String> base(JsonObject json) {
        return json.optionalString("base_model_name_or_path").filter(name -> !name.isBlank() && !name.equals("N/A"));
    }

    JsonObject json(List<ExpertPair> pairs) {
        LoraConfig config = experts.config(pairs);
        if (!experts.parameters().isEmpty()) {
            config = config.withTargetParameters(targetParameters(config));
        }
        boolean keepsTargets = keepsTargets(config);
        if (!keepsTargets) {
            config = config.withTargetModules(targetModules());
        }
        String name = base(files.json())
                .or(() -> base.map(weights -> weights.directory().toString()))
                .orElse("");
        JsonObject json = LoraConfigWriter.write(config, name);
        for (Map.Entry<String, JsonValue> old : files.json().fields().entrySet()) {
            String key = old.getKey();
            boolean isRewritten = OF_EXPERTS.contains(key)
                    || key.equals("target_modules") && !keepsTargets
                    || key.equals("base_model_name_or_path");
            json = isRewritten ? json : json.with(key, old.getValue());
        }
        return json;
    }

    /// False where the targets name linears of experts, or may do so.
    private boolean keepsTargets(LoraConfig config) {
        Optional<ExpertLayout> layout = experts.layout();
        return layout.isEmpty()
                || config.targetModules() instanceof ModulePatterns.Regex
                || layout.get() != ExpertLayout.SPLIT && files.json().has("peft_version");
    }

    /// The names of PEFT's settings where they name the weights; otherwise short names where the base shows
    /// that they name no other weight.
    private List<String> targetParameters(LoraConfig config) {
        Set<String> parameters = experts.parameters();
        boolean isNamed = parameters.stream()
                .allMatch(parameter -> config.targetParameters().stream()
                        .anyMatch(name -> ModulePatterns.Named.matches(name, parameter)));
        if (isNamed) {
            return config.targetParameters();
        }
        List<String> chosen = base.map(weights -> TargetNames.shortest(parameters, candidates(weights)))
                .orElse(List.copyOf(parameters));
        Set<String> all = new TreeSet<>(config.targetParameters());
        all.addAll(chosen);
        return List.copyOf(all);
    }

    /// The adapted modules, without the linears of experts.
    private ModulePatterns targetModules() {
        Set<String> ofExperts = experts.keys();
        Set<String> modules = new TreeSet<>();
        files.keys().forEach((name, key) -> {
            boolean isPair = key.part() == Part.LORA_A || key.part() == Part.EMBEDDING_A;
            if (isPair && !ofExperts.contains(name)) {
                modules.add(ExpertKeys.inTransformers(key.module()));
            }
        });
        return new ModulePatterns.Named(base.map(weights -> TargetNames.shortest(modules, candidates(weights)))
                .orElse(List.copyOf(modules)));
    }

    /// The modules with a matrix and the stacked weights of the base.
    private static Set<String> candidates(WeightFiles weights) {
        Set<String> candidates = new TreeSet<>();
        for (TensorEntry tensor : weights.entries().values()) {
            String name = tensor.name();
            String module = name.endsWith(WEIGHT) ? name.substring(0, name.length() - WEIGHT.length()) : name;
            Optional<ExpertKeys.PerExpert> linear = ExpertKeys.perExpert(module);
            if (linear.isPresent()) {
                boolean isDown = linear.get().projection().equals(ExpertKeys.DOWN);
                candidates.add(linear.get().experts() + "." + (isDown ? ExpertKeys.DOWN : ExpertKeys.GATE_UP));
            } else if (tensor.shape().size() > 1) {
                candidates.add(module);
            }
        }
        return candidates;
    }
}
