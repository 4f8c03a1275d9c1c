package dev.bowline.generate;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The settings of one continuation of a prompt.
///
/// @param maxNewTokens the most tokens to add
/// @param stopTokens ids after any of which generation ends
/// @param suppressedTokens ids that are never chosen, greedily or not
/// @param repetitionPenalty above 1 makes tokens of the prompt and the continuation less likely; 1 for none
/// @param constraints the tokens that may not come next, given the previous tokens
public record GenerationSettings(
        int maxNewTokens,
        Set<Integer> stopTokens,
        Set<Integer> suppressedTokens,
        double repetitionPenalty,
        Constraints constraints,
        Sampling sampling) {

    /// The default if neither the caller nor generation_config.json gives a length.
    public static final int DEFAULT_MAX_NEW_TOKENS = 256;

    public GenerationSettings {
        stopTokens = Set.copyOf(stopTokens);
        suppressedTokens = Set.copyOf(suppressedTokens);
        if (maxNewTokens < 1) {
            throw new BowlineException(
                    "the number of new tokens is %d".formatted(maxNewTokens), "use a whole number from 1");
        }
        if (!(repetitionPenalty > 0) || Double.isInfinite(repetitionPenalty)) {
            throw new BowlineException(
                    "the repetition penalty is %s".formatted(repetitionPenalty),
                    "use 1 for none, or a number above it such as 1.1");
        }
    }

    /// Settings for greedy decoding without stop tokens.
    public static GenerationSettings greedy(int maxNewTokens) {
        return new GenerationSettings(maxNewTokens, Set.of(), Set.of(), 1.0, Constraints.NONE, new Sampling.Greedy());
    }

    /// The defaults of a checkpoint: those of generation_config.json, and the stop tokens of config.json if
    /// generation_config.json names none.
    ///
    /// @param config config.json
    /// @param generationConfig generation_config.json, if the checkpoint has one
    /// @throws BowlineException if a value is invalid; the message names the file and the place
    public static GenerationSettings of(JsonObject config, Optional<JsonObject> generationConfig) {
        return new GenerationConfig(generationConfig.orElseGet(JsonObject::of)).settings(config);
    }

    /// The sampling settings of generation_config.json, even if the file asks for greedy decoding.
    public static Sampling.Sampled sampled(JsonObject generationConfig) {
        return new GenerationConfig(generationConfig).sampled();
    }

    /// The settings of generation_config.json that Bowline does not apply, each as a key and its value. The
    /// output of transformers may therefore differ.
    public static List<String> notApplied(JsonObject generationConfig) {
        return new GenerationConfig(generationConfig).notApplied();
    }

    public GenerationSettings withMaxNewTokens(int value) {
        return new GenerationSettings(value, stopTokens, suppressedTokens, repetitionPenalty, constraints, sampling);
    }

    public GenerationSettings withStopTokens(Set<Integer> value) {
        return new GenerationSettings(maxNewTokens, value, suppressedTokens, repetitionPenalty, constraints, sampling);
    }

    public GenerationSettings withRepetitionPenalty(double value) {
        return new GenerationSettings(maxNewTokens, stopTokens, suppressedTokens, value, constraints, sampling);
    }

    public GenerationSettings withConstraints(Constraints value) {
        return new GenerationSettings(maxNewTokens, stopTokens, suppressedTokens, repetitionPenalty, value, sampling);
    }

    public GenerationSettings withSampling(Sampling value) {
        return new GenerationSettings(
                maxNewTokens, stopTokens, suppressedTokens, repetitionPenalty, constraints, value);
    }
}
