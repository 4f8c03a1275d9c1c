package dev.bowline.adapter.format;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The names of tensors that belong to stacked experts, in the layouts of PEFT and of NeMo AutoModel.
final class ExpertKeys {

    static final String GATE_UP = "gate_up_proj";
    static final String DOWN = "down_proj";

    /// PEFT wraps the module once per adapted parameter, the first parameter innermost.
    private static final String EXPERTS = ".experts";

    private static final String NESTED = EXPERTS + ".base_layer";

    private static final Pattern GROUPED =
            Pattern.compile("(?:base_model\\.model\\.)?(.*\\.experts)\\.lora_(gate_and_up|down)_([AB])(?:\\.weight)?");

    private static final Pattern PER_EXPERT =
            Pattern.compile("(.*\\.experts)\\.(\\d+)\\.(gate_proj|up_proj|down_proj)");

    /// A tensor of NeMo AutoModel's grouped experts.
    ///
    /// @param parameter the name of the stacked weight, such as `model.layers.0.mlp.experts.gate_up_proj`
    /// @param isA true for A, false for B
    record Grouped(String parameter, boolean isA) {}

    private ExpertKeys() {}

    static boolean isGrouped(String key) {
        return GROUPED.matcher(key).matches();
    }

    /// The meaning of a key of grouped experts.
    static Optional<Grouped> grouped(String key) {
        Matcher matcher = GROUPED.matcher(key);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        String parameter = matcher.group(2).equals("down") ? DOWN : GATE_UP;
        return Optional.of(new Grouped(
                inTransformers(matcher.group(1)) + "." + parameter,
                matcher.group(3).equals("A")));
    }

    /// True for a key of the experts of AutoModel's Gemma 4.
    static boolean isGemma4(String key) {
        return key.contains(".moe.experts.");
    }

    /// The name in transformers of a name in AutoModel, whose Gemma 4 has experts and router in `moe`.
    static String inTransformers(String name) {
        return name.replace(".moe.experts", EXPERTS).replace(".moe.gate.proj", ".router.proj");
    }

    /// The module of PEFT's wrapper of a stacked weight.
    ///
    /// @param parameters all stacked weights that the adapter changes
    static String wrapper(String parameter, Set<String> parameters) {
        String experts = parameter.substring(0, parameter.lastIndexOf('.'));
        boolean isInner = parameter.endsWith("." + GATE_UP) && parameters.contains(experts + "." + DOWN);
        return isInner ? experts + ".base_layer" : experts;
    }

    /// True for the module of PEFT's wrapper of a stacked weight.
    static boolean isStacked(String module) {
        return module.endsWith(EXPERTS) || module.endsWith(NESTED);
    }

    /// The full name of the stacked weight that a wrapper adapts.
    ///
    /// @param module of the wrapper, as [AdapterKey#module] gives it
    /// @param modules all wrappers of the file
    /// @param targetParameters of the settings
    /// @return empty where the settings do not tell which of the two weights is meant
    static Optional<String> parameter(String module, Set<String> modules, List<String> targetParameters) {
        if (module.endsWith(NESTED)) {
            String experts = module.substring(0, module.length() - ".base_layer".length());
            return Optional.of(experts + "." + GATE_UP);
        }
        if (modules.contains(module + ".base_layer")) {
            return Optional.of(module + "." + DOWN);
        }
        List<String> named = List.of(GATE_UP, DOWN).stream()
                .map(parameter -> module + "." + parameter)
                .filter(parameter ->
                        targetParameters.stream().anyMatch(name -> ModulePatterns.Named.matches(name, parameter)))
                .toList();
        return named.size() == 1 ? Optional.of(named.getFirst()) : Optional.empty();
    }

    /// The expert's linear that a module is, as programs name it that split the stacked weights.
    static Optional<PerExpert> perExpert(String module) {
        Matcher matcher = PER_EXPERT.matcher(module);
        return matcher.matches()
                ? Optional.of(new PerExpert(
                        inTransformers(matcher.group(1)), Long.parseLong(matcher.group(2)), matcher.group(3)))
                : Optional.empty();
    }

    /// A linear of one expert.
    ///
    /// @param experts the module of all experts
    /// @param projection gate_proj, up_proj or down_proj
    record PerExpert(String experts, long expert, String projection) {}
}
