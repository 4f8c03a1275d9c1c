package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.Sampling;
import dev.bowline.json.JsonObject;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/// The options of generation. The checkpoint's generation_config.json has the defaults.
final class SamplingOptions {

    private static final Sampling.Sampled ANY = new Sampling.Sampled(1, 0, 1, 0, 0);

    @Option(names = "--greedy", description = "Always choose the most likely token.")
    private boolean greedy;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "Sampling temperature. This option and the next four enable sampling.")
    private @Nullable Double temperature;

    @Option(names = "--top-k", paramLabel = "K", description = "Sample from the K most likely tokens; 0 for all.")
    private @Nullable Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Sample from the most likely tokens whose total probability reaches P.")
    private @Nullable Double topP;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description = "Sample from tokens with at least P times the probability of the most likely one.")
    private @Nullable Double minP;

    @Option(names = "--seed", paramLabel = "N", description = "Random seed for sampling. The default is 0.")
    private @Nullable Long seed;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "R",
            description = "Values above 1 make tokens of the prompt and the answer less likely.")
    private @Nullable Double repetitionPenalty;

    @Option(names = "--max-new-tokens", paramLabel = "N", description = "Maximum number of generated tokens.")
    private @Nullable Integer maxNewTokens;

    /// Refuses values that no checkpoint could make sense of, before one is opened.
    void requireSound(CommandLine line) {
        boolean draws = Stream.of(temperature, topK, topP, minP, seed).anyMatch(value -> value != null);
        if (greedy && draws) {
            throw new CommandLine.ParameterException(
                    line,
                    "--greedy does not sample; it cannot be combined with --temperature, --top-k, --top-p, --min-p or --seed");
        }
        requireSound(line, "--temperature", temperature, ANY::withTemperature);
        requireSound(line, "--top-k", topK, ANY::withTopK);
        requireSound(line, "--top-p", topP, ANY::withTopP);
        requireSound(line, "--min-p", minP, ANY::withMinP);
        GenerationSettings settings = GenerationSettings.greedy(1);
        requireSound(line, "--max-new-tokens", maxNewTokens, settings::withMaxNewTokens);
        requireSound(line, "--repetition-penalty", repetitionPenalty, settings::withRepetitionPenalty);
    }

    private static <T> void requireSound(CommandLine line, String option, @Nullable T value, Function<T, ?> check) {
        if (value == null) {
            return;
        }
        try {
            var _ = check.apply(value);
        } catch (BowlineException e) {
            throw new CommandLine.ParameterException(
                    line, "%s %s: %s; %s".formatted(option, value, e.problem(), e.fix()), e);
        }
    }

    /// The checkpoint's settings with what was given over them.
    GenerationSettings over(JsonObject config, Optional<JsonObject> generationConfig) {
        JsonObject file = withoutReplaced(generationConfig.orElseGet(JsonObject::of));
        GenerationSettings settings = GenerationSettings.of(config, Optional.of(file));
        if (maxNewTokens != null) {
            settings = settings.withMaxNewTokens(maxNewTokens);
        }
        if (repetitionPenalty != null) {
            settings = settings.withRepetitionPenalty(repetitionPenalty);
        }
        boolean draws = Stream.of(temperature, topK, topP, minP, seed).anyMatch(value -> value != null);
        if (greedy) {
            return settings.withSampling(new Sampling.Greedy());
        }
        return draws ? settings.withSampling(sampled(GenerationSettings.sampled(file))) : settings;
    }

    /// The file without the values that an option replaces, so that none of these can be wrong.
    private JsonObject withoutReplaced(JsonObject file) {
        Map<String, Boolean> replaced = Map.of(
                "do_sample", greedy,
                "temperature", temperature != null,
                "top_k", topK != null,
                "top_p", topP != null,
                "min_p", minP != null,
                "repetition_penalty", repetitionPenalty != null,
                "max_new_tokens", maxNewTokens != null);
        JsonObject kept = file;
        for (Map.Entry<String, Boolean> key : replaced.entrySet()) {
            kept = key.getValue() ? kept.without(key.getKey()) : kept;
        }
        return kept;
    }

    private Sampling sampled(Sampling.Sampled base) {
        Sampling.Sampled sampled = base;
        if (temperature != null) {
            sampled = sampled.withTemperature(temperature);
        }
        if (topK != null) {
            sampled = sampled.withTopK(topK);
        }
        if (topP != null) {
            sampled = sampled.withTopP(topP);
        }
        if (minP != null) {
            sampled = sampled.withMinP(minP);
        }
        return seed != null ? sampled.withSeed(seed) : sampled;
    }
}
