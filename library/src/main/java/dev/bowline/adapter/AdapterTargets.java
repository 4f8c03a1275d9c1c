package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Head;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.LinearStack;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;

/// The modules of a model that the settings of an adapter name, by PEFT's rules:
///
/// - `target_modules` names linears, embeddings and the head. It never names a stacked weight, even if a name
///   is the end of its path: `target_parameters` names those.
/// - Every linear (`all-linear`) is every linear but the head and routers, and every stacked weight of
///   experts. PEFT leaves the stacked weights out, or takes them with routers, depending on the class of the
///   model.
/// - `target_parameters` names stacked weights, and weights of linears by `….weight`.
/// - A module that `exclude_modules` or `modules_to_save` names is no target.
///
/// A name or a pattern that names nothing is an error.
public final class AdapterTargets {

    private final LanguageModel model;
    private final LoraConfig config;
    private final SequencedMap<String, LinearStack> stacks;
    private final SequencedMap<String, Linear> linears;

    private AdapterTargets(LanguageModel model, LoraConfig config) {
        this.model = model;
        this.config = config;
        stacks = new LinkedHashMap<>(model.linearStacks());
        linears = linears(model, stacks);
    }

    /// The modules in the order of the model.
    ///
    /// @throws BowlineException if a setting names nothing, if a number is out of range, if a module cannot
    ///     have such an adapter, or if a module is tied and no tie mode is chosen
    public static List<AdaptedModule> resolve(LanguageModel model, LoraConfig config) {
        return new AdapterTargets(model, config).resolve();
    }

    /// The modules that the tensors of a file change, in the order of the file. The settings give the scales.
    ///
    /// @throws BowlineException if the model has no such module, or one of another shape
    public static List<AdaptedModule> inFile(LanguageModel model, AdapterFiles files) {
        try (Arena arena = Arena.ofConfined()) {
            return new AdapterReader(model, files, arena).modules();
        }
    }

    /// The number of rows of the token embedding that the adapter of a file was trained with; at least the model's.
    ///
    /// @throws BowlineException if the file's ids leave out a new row
    public static long vocabularySize(LanguageModel model, AdapterFiles files) {
        return AdapterVocabulary.rows(model, files);
    }

    /// Refuses new rows of a resized vocabulary that the adapter does not hold, because no save would write them.
    ///
    /// @param model with the new rows
    /// @param before the number of rows of the base as stored
    /// @throws BowlineException for the first table with a new row that no module holds
    public static void requireNewRows(LanguageModel model, List<AdaptedModule> modules, long before) {
        AdapterVocabulary.requireNewRows(model, modules, before);
    }

    /// Refuses a change of a head that computes with the normalised rows of its weight: PEFT has no adapter of such
    /// a module, and a merge adds the change before the rows are normalised.
    static void requireStoredRows(LanguageModel model, List<AdaptedModule> modules) {
        if (model.decoder().config().style().head() == Head.Rows.AS_STORED) {
            return;
        }
        String head = model.head().linear().path();
        for (AdaptedModule module : modules) {
            boolean isOfHead = module.module().equals(head) || AdapterTies.uses(module) == Uses.BOTH;
            Optional<String> setting = switch (module) {
                case LinearPair _, EmbeddingPair _ -> Optional.of("target_modules");
                case TokenRows _ -> Optional.of("trainable_token_indices");
                case ExpertPairs _, SavedModule _ -> Optional.empty();
            };
            if (isOfHead && setting.isPresent()) {
                throw new AdapterSettingException(
                        setting.get(),
                        "'%s' normalises the rows of its weight, so a low-rank pair or rows of tokens cannot change it"
                                .formatted(head),
                        "leave '%s' out of %s, or name it in modules_to_save".formatted(head, setting.get()));
            }
        }
    }

    /// The linears of a model that one name stands for: all but those of a stack, and but a tied head.
    private static SequencedMap<String, Linear> linears(LanguageModel model, Map<String, LinearStack> stacks) {
        SequencedMap<String, Linear> linears = new LinkedHashMap<>(model.linears());
        stacks.values().forEach(stack -> stack.experts().forEach(expert -> linears.remove(expert.path())));
        EmbeddingParts.names(model).forEach(linears::remove);
        return linears;
    }

    /// True if `exclude_modules` or `modules_to_save` names a module, or a module around it.
    static boolean isExcluded(LoraConfig config, String module) {
        return config.excludeModules().matches(module)
                || config.modulesToSave().stream()
                        .anyMatch(name -> Pattern.matches("(^|.*\\.)" + Pattern.quote(name) + "($|\\..*)", module));
    }

    private List<AdaptedModule> resolve() {
        List<String> modules = new ArrayList<>(linears.keySet());
        modules.addAll(EmbeddingParts.names(model));
        TargetPatterns patterns = new TargetPatterns(config, modules, List.copyOf(stacks.keySet()));
        patterns.requireRanges();
        patterns.requireNames();

        List<AdaptedModule> adapted = new ArrayList<>();
        linears.forEach((path, linear) -> {
            if (isTarget(path, linear)) {
                adapted.add(pair(path, linear.operator()));
            }
        });
        stacks.forEach((path, stack) -> {
            if (isTarget(path)) {
                adapted.add(pairs(path, stack));
            }
        });
        adapted.addAll(EmbeddingParts.resolve(model, config));
        if (adapted.isEmpty()) {
            throw new AdapterSettingException(
                    "exclude_modules",
                    "the adapter changes no module: all that it names are excluded",
                    "name modules in target_modules or target_parameters that exclude_modules and modules_to_save"
                            + " do not name");
        }
        patterns.requireUsed(adapted);
        requireStoredRows(model, adapted);
        return adapted;
    }

    private boolean isTarget(String path, Linear linear) {
        if (isExcluded(config, path)) {
            return false;
        }
        boolean isNamed = switch (config.targetModules()) {
            case ModulePatterns.AllLinear _ ->
                linear.purpose() == Linear.Purpose.PROJECTION
                        && linear != model.head().linear();
            case ModulePatterns.Named named -> named.matches(path);
            case ModulePatterns.Regex regex -> regex.matches(path);
        };
        return isNamed || TargetPatterns.isParameter(config, path + ".weight");
    }

    private boolean isTarget(String stack) {
        boolean isNamed = switch (config.targetModules()) {
            case ModulePatterns.AllLinear _ -> true;
            case ModulePatterns.Named _, ModulePatterns.Regex _ -> false;
        };
        return (isNamed || TargetPatterns.isParameter(config, stack)) && !isExcluded(config, stack);
    }

    private LinearPair pair(String path, LinearOperator linear) {
        return new LinearPair(path, linear.in(), linear.out(), config.rank(path), config.scale(path), config.variant());
    }

    private ExpertPairs pairs(String path, LinearStack stack) {
        if (config.variant() == Variant.DORA) {
            throw new AdapterSettingException(
                    "use_dora",
                    "'%s' is a stacked weight of experts, and DoRA is for linears only".formatted(path),
                    "use LoRA, or exclude '%s'".formatted(path));
        }
        if (config.loraDropout() != 0) {
            throw new AdapterSettingException(
                    "lora_dropout",
                    "'%s' is a stacked weight of experts, and lora_dropout is %s: an adapter of experts has no dropout"
                            .formatted(path, config.loraDropout()),
                    "set lora_dropout to 0, or exclude '%s'".formatted(path));
        }
        LinearOperator expert = stack.expert(0).operator();
        return new ExpertPairs(
                path, stack.experts().size(), expert.in(), expert.out(), config.rank(path), config.scale(path));
    }
}
