package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.DropoutPosition;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/// Checks the settings of an adapter against the names of a model: numbers in range, and no pattern that
/// names nothing.
///
/// @param modules the names of linears, embeddings and the head
/// @param stacks the names of stacked weights
record TargetPatterns(LoraConfig config, List<String> modules, List<String> stacks) {

    /// The parts of published models that Bowline does not compute. Recipes exclude them by habit.
    private static final List<String> TOWERS =
            List.of("vision", "visual", "image", "audio", "speech", "projector", "multi_modal", "multimodal");

    private static final double MOST_DROPOUT = 1;

    /// True if `target_parameters` names a parameter.
    static boolean isParameter(LoraConfig config, String parameter) {
        return config.targetParameters().stream()
                .anyMatch(name -> parameter.equals(name) || parameter.endsWith("." + name));
    }

    void requireRanges() {
        double dropout = config.loraDropout();
        if (!(dropout >= 0 && dropout < MOST_DROPOUT)) {
            throw new AdapterSettingException(
                    "lora_dropout",
                    "lora_dropout is %s".formatted(dropout),
                    "use a probability of at least 0 and less than 1");
        }
        if (dropout > 0 && config.variant() == Variant.DORA && config.dropoutPosition() == DropoutPosition.POST) {
            throw new AdapterSettingException(
                    "lora_dropout",
                    "lora_dropout is %s after lora_B, and use_dora is true: DoRA has a dropout before lora_A only"
                            .formatted(dropout),
                    "set dropout_position to pre, or lora_dropout to 0");
        }
    }

    /// Requires that every name of the settings names a module or a parameter.
    void requireNames() {
        switch (config.targetModules()) {
            case ModulePatterns.AllLinear _ -> {}
            case ModulePatterns.Named(List<String> names) -> names.forEach(this::requireTarget);
            case ModulePatterns.Regex regex ->
                require("target_modules", regex.regex(), modules, name -> regex.matches(name));
        }
        List<String> all = Stream.concat(modules.stream(), stacks.stream()).toList();
        switch (config.excludeModules()) {
            case ModulePatterns.AllLinear _ -> {}
            case ModulePatterns.Named(List<String> names) ->
                names.stream()
                        .filter(name -> !isTower(name))
                        .forEach(name -> require(
                                "exclude_modules", name, all, module -> ModulePatterns.Named.matches(name, module)));
            case ModulePatterns.Regex regex ->
                require("exclude_modules", regex.regex(), all, name -> regex.matches(name));
        }
        List<String> parameters = Stream.concat(
                        stacks.stream(), modules.stream().map(name -> name + ".weight"))
                .toList();
        config.targetParameters()
                .forEach(name -> require(
                        "target_parameters",
                        name,
                        parameters,
                        parameter -> parameter.equals(name) || parameter.endsWith("." + name)));
    }

    private static boolean isTower(String name) {
        String lowered = name.toLowerCase(Locale.ROOT);
        return TOWERS.stream().anyMatch(lowered::contains);
    }

    private void requireTarget(String name) {
        List<String> named = stacks.stream()
                .filter(stack -> ModulePatterns.Named.matches(name, stack))
                .toList();
        if (!named.isEmpty() && modules.stream().noneMatch(module -> ModulePatterns.Named.matches(name, module))) {
            throw new AdapterSettingException(
                    "target_modules",
                    ("target_modules has '%s', which names no module of the model: '%s' is a parameter, the weights of"
                                    + " all experts in one tensor")
                            .formatted(name, named.getFirst()),
                    "move '%s' from target_modules to target_parameters".formatted(name));
        }
        require("target_modules", name, modules, module -> ModulePatterns.Named.matches(name, module));
    }

    /// Requires that every pattern of `rank_pattern` and `alpha_pattern` names an adapted module.
    void requireUsed(List<AdaptedModule> adapted) {
        List<String> names = adapted.stream().map(AdaptedModule::module).toList();
        for (Map.Entry<String, ? extends Collection<String>> setting : Map.of(
                        "rank_pattern", config.rankPattern().keySet(),
                        "alpha_pattern", config.alphaPattern().keySet())
                .entrySet()) {
            for (String regex : setting.getValue()) {
                Pattern pattern = compiled(setting.getKey(), regex);
                require(
                        setting.getKey(),
                        regex,
                        names,
                        name -> pattern.matcher(name).matches());
            }
        }
    }

    private static Pattern compiled(String setting, String regex) {
        try {
            return Pattern.compile("(^|.*\\.)(?:" + regex + ")$");
        } catch (PatternSyntaxException e) {
            throw new BowlineException(
                    "%s has '%s', which is no regular expression: %s".formatted(setting, regex, e.getDescription()),
                    "correct the regular expression",
                    e);
        }
    }

    private static void require(String setting, String pattern, List<String> names, Predicate<String> matches) {
        if (names.stream().noneMatch(matches)) {
            throw new AdapterSettingException(
                    setting,
                    "%s has '%s', which names nothing in the model%s"
                            .formatted(setting, pattern, NearestNames.hint(pattern, known(names))),
                    "correct '%s', or remove it".formatted(pattern));
        }
    }

    /// The full names and their ends.
    private static Set<String> known(List<String> names) {
        Set<String> known = new LinkedHashSet<>();
        for (String name : names) {
            for (int from = name.length(); from >= 0; from = name.lastIndexOf('.', from - 1)) {
                if (from < name.length()) {
                    known.add(name.substring(from + 1));
                }
            }
            known.add(name);
        }
        return known;
    }
}
