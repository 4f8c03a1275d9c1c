package dev.bowline.generate;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import dev.bowline.text.StopTokens;
import java.util.Optional;
import java.util.Set;

/// What governs one continuation of a prompt.
///
/// @param maxNewTokens the most tokens to add
/// @param stopTokens ids after any of which generation ends
/// @param suppressedTokens ids that are never chosen, greedily or not
/// @param repetitionPenalty above 1 makes tokens of the prompt and the continuation less likely; 1 for none
public record GenerationSettings(
        int maxNewTokens,
        Set<Integer> stopTokens,
        Set<Integer> suppressedTokens,
        double repetitionPenalty,
        Sampling sampling) {

    /// Used where neither the caller nor generation_config.json gives a length.
    public static final int DEFAULT_MAX_NEW_TOKENS = 256;

    /// As transformers: what a generation_config.json that does not say means.
    private static final Sampling.Sampled DEFAULT_SAMPLED = new Sampling.Sampled(1.0, 50, 1.0, 0);

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

    /// Greedy, without stop tokens.
    public static GenerationSettings greedy(int maxNewTokens) {
        return new GenerationSettings(maxNewTokens, Set.of(), Set.of(), 1.0, new Sampling.Greedy());
    }

    /// The defaults of a checkpoint: those of generation_config.json, then the stop tokens of config.json where
    /// the former names none.
    ///
    /// @param config config.json
    /// @param generationConfig generation_config.json, if the checkpoint has one
    public static GenerationSettings of(JsonObject config, Optional<JsonObject> generationConfig) {
        JsonObject chosen = generationConfig.orElseGet(JsonObject::of);
        return new GenerationSettings(
                chosen.optionalInt("max_new_tokens").orElse(DEFAULT_MAX_NEW_TOKENS),
                StopTokens.of(config, generationConfig),
                StopTokens.ids(chosen, "suppress_tokens"),
                chosen.optionalDouble("repetition_penalty").orElse(1.0),
                chosen.optionalBoolean("do_sample").orElse(false) ? sampled(chosen) : new Sampling.Greedy());
    }

    /// The sampling that generation_config.json describes, whether or not it asks for it.
    public static Sampling.Sampled sampled(JsonObject generationConfig) {
        return new Sampling.Sampled(
                generationConfig.optionalDouble("temperature").orElse(DEFAULT_SAMPLED.temperature()),
                generationConfig.optionalInt("top_k").orElse(DEFAULT_SAMPLED.topK()),
                generationConfig.optionalDouble("top_p").orElse(DEFAULT_SAMPLED.topP()),
                DEFAULT_SAMPLED.seed());
    }

    public GenerationSettings withMaxNewTokens(int value) {
        return new GenerationSettings(value, stopTokens, suppressedTokens, repetitionPenalty, sampling);
    }

    public GenerationSettings withStopTokens(Set<Integer> value) {
        return new GenerationSettings(maxNewTokens, value, suppressedTokens, repetitionPenalty, sampling);
    }

    public GenerationSettings withRepetitionPenalty(double value) {
        return new GenerationSettings(maxNewTokens, stopTokens, suppressedTokens, value, sampling);
    }

    public GenerationSettings withSampling(Sampling value) {
        return new GenerationSettings(maxNewTokens, stopTokens, suppressedTokens, repetitionPenalty, value);
    }
}
