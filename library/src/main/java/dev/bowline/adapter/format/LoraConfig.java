package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.regex.Pattern;

/// The settings of a LoRA adapter, with the names and meaning of PEFT's `LoraConfig`. The modules are chosen by
/// name; the model decides which of them exist.
///
/// @param r the default rank
/// @param loraAlpha the default alpha
/// @param loraDropout the probability that an input value of lora_A is zeroed in training, 0 to 1
/// @param dropoutPosition whether dropout is applied to the input of lora_A (PEFT) or to the output of lora_B
/// @param scaling the factor of a delta, from alpha and rank
/// @param variant LoRA or DoRA
/// @param loraAInit the initial values of lora_A; lora_B starts at zero
/// @param targetModules linears, embeddings and the head that get a pair of matrices
/// @param excludeModules modules that get none, although `targetModules` has them
/// @param targetParameters stacked experts' weights that get a pair of matrices per expert, such as
///     `mlp.experts.gate_up_proj`
/// @param modulesToSave modules that are trained whole and stored whole
/// @param rankPattern ranks of modules, by regular expressions of the name's end; see [#rank]
/// @param alphaPattern alphas of modules, likewise
/// @param trainableTokenIndices token ids whose rows of an embedding are trained, by the embedding's name
/// @param tieMode the meaning of an adapter on one of two tied modules
public record LoraConfig(
        long r,
        double loraAlpha,
        double loraDropout,
        DropoutPosition dropoutPosition,
        Scaling scaling,
        Variant variant,
        LoraAInit loraAInit,
        ModulePatterns targetModules,
        ModulePatterns excludeModules,
        List<String> targetParameters,
        List<String> modulesToSave,
        SequencedMap<String, Long> rankPattern,
        SequencedMap<String, Double> alphaPattern,
        SequencedMap<String, List<Long>> trainableTokenIndices,
        TieMode tieMode) {

    /// The place of the dropout.
    public enum DropoutPosition {
        /// Before lora_A, as in PEFT.
        PRE,
        /// After lora_B, AutoModel's default.
        POST
    }

    /// The factor of a delta.
    public enum Scaling {
        /// alpha / r.
        LORA,
        /// alpha / √r (`use_rslora`).
        RSLORA
    }

    /// The form of an adapted linear.
    public enum Variant {
        LORA,
        /// The direction of W + delta with a trained length per output row (`use_dora`).
        DORA
    }

    /// The distribution of lora_A's initial values.
    public enum LoraAInit {
        /// Uniform in ±√(1 / in): PEFT's `init_lora_weights: true`.
        KAIMING,
        /// Xavier normal: AutoModel's `xavier`.
        XAVIER,
        /// Normal with a standard deviation of 1 / r: PEFT's `gaussian`.
        GAUSSIAN
    }

    /// The meaning of an adapter on one module of a tied group, the input embedding or the head.
    public enum TieMode {
        /// None is chosen: such an adapter is refused.
        UNCHOSEN,
        /// One delta, or one trained copy, is used by both modules: PEFT's `ensure_weight_tying`.
        SHARED,
        /// The modules part: the named one changes, the other keeps the values of the base, and a merged model
        /// has `tie_word_embeddings: false` everywhere.
        UNTIE
    }

    public LoraConfig {
        requireRank(r);
        requireAlpha(loraAlpha);
        rankPattern.values().forEach(LoraConfig::requireRank);
        alphaPattern.values().forEach(LoraConfig::requireAlpha);
        targetParameters = List.copyOf(targetParameters);
        modulesToSave = List.copyOf(modulesToSave);
        rankPattern = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(rankPattern));
        alphaPattern = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(alphaPattern));
        trainableTokenIndices = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(trainableTokenIndices));
    }

    /// PEFT's defaults for the rank, alpha and modules given.
    public static LoraConfig of(long r, double loraAlpha, ModulePatterns targetModules) {
        return new LoraConfig(
                r,
                loraAlpha,
                0,
                DropoutPosition.PRE,
                Scaling.LORA,
                Variant.LORA,
                LoraAInit.KAIMING,
                targetModules,
                ModulePatterns.NONE,
                List.of(),
                List.of(),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(),
                TieMode.UNCHOSEN);
    }

    /// The same settings with another tie mode.
    public LoraConfig withTieMode(TieMode mode) {
        return new LoraConfig(
                r,
                loraAlpha,
                loraDropout,
                dropoutPosition,
                scaling,
                variant,
                loraAInit,
                targetModules,
                excludeModules,
                targetParameters,
                modulesToSave,
                rankPattern,
                alphaPattern,
                trainableTokenIndices,
                mode);
    }

    /// The same settings with other `target_modules`.
    public LoraConfig withTargetModules(ModulePatterns targets) {
        return new LoraConfig(
                r,
                loraAlpha,
                loraDropout,
                dropoutPosition,
                scaling,
                variant,
                loraAInit,
                targets,
                excludeModules,
                targetParameters,
                modulesToSave,
                rankPattern,
                alphaPattern,
                trainableTokenIndices,
                tieMode);
    }

    /// The same settings with another rank of one module, and with the alpha that keeps the factor of its delta.
    ///
    /// @param module the full name of a module or of a stacked weight
    public LoraConfig withRank(String module, long rank) {
        double factor = switch (scaling) {
            case LORA -> (double) rank / rank(module);
            case RSLORA -> Math.sqrt((double) rank / rank(module));
        };
        return withPatterns(first(module, rank, rankPattern), first(module, alpha(module) * factor, alphaPattern));
    }

    /// A pattern of one module in front of the others; the first that matches is taken.
    private static <V> SequencedMap<String, V> first(String module, V value, SequencedMap<String, V> patterns) {
        SequencedMap<String, V> all = new LinkedHashMap<>();
        all.put(ModulePatterns.regex(module), value);
        patterns.forEach(all::putIfAbsent);
        return all;
    }

    LoraConfig withPatterns(SequencedMap<String, Long> ranks, SequencedMap<String, Double> alphas) {
        return new LoraConfig(
                r,
                loraAlpha,
                loraDropout,
                dropoutPosition,
                scaling,
                variant,
                loraAInit,
                targetModules,
                excludeModules,
                targetParameters,
                modulesToSave,
                ranks,
                alphas,
                trainableTokenIndices,
                tieMode);
    }

    /// The same settings with other `target_parameters`.
    public LoraConfig withTargetParameters(List<String> targets) {
        return new LoraConfig(
                r,
                loraAlpha,
                loraDropout,
                dropoutPosition,
                scaling,
                variant,
                loraAInit,
                targetModules,
                excludeModules,
                targets,
                modulesToSave,
                rankPattern,
                alphaPattern,
                trainableTokenIndices,
                tieMode);
    }

    /// The rank of a module: that of the first pattern P of `rankPattern` for which `(^|.*\.)P$` matches the
    /// module's name, or `r`.
    public long rank(String module) {
        return first(rankPattern, module, r);
    }

    /// The alpha of a module, likewise.
    public double alpha(String module) {
        return first(alphaPattern, module, loraAlpha);
    }

    /// The factor of the delta of a module: B A is multiplied with it.
    public double scale(String module) {
        double rank = rank(module);
        return switch (scaling) {
            case LORA -> alpha(module) / rank;
            case RSLORA -> alpha(module) / Math.sqrt(rank);
        };
    }

    private static void requireRank(long rank) {
        if (rank < 1) {
            throw new BowlineException("the rank of an adapter is %d".formatted(rank), "use a rank of at least 1");
        }
    }

    private static void requireAlpha(double alpha) {
        if (alpha == 0 || !Double.isFinite(alpha)) {
            throw new BowlineException(
                    "the alpha of an adapter is %s, and the adapter would have no effect".formatted(alpha),
                    "use an alpha above 0");
        }
    }

    private static <V> V first(Map<String, V> patterns, String module, V otherwise) {
        return patterns.entrySet().stream()
                .filter(entry -> Pattern.matches("(^|.*\\.)(?:" + entry.getKey() + ")$", module))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(otherwise);
    }
}
