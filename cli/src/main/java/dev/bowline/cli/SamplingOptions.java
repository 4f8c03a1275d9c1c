package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.Sampling;
import dev.bowline.json.JsonObject;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/// How text is generated; what is not given is as the checkpoint's generation_config.json says.
final class SamplingOptions {

    private static final Sampling.Sampled ANY = new Sampling.Sampled(1, 0, 1, 0);

    @Option(names = "--greedy", description = "Take the most likely token each time.")
    private boolean greedy;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "Above 1 for more surprise, below 1 for less. This option and the next three draw tokens.")
    private @Nullable Double temperature;

    @Option(names = "--top-k", paramLabel = "K", description = "Draw from the K most likely tokens; 0 for all.")
    private @Nullable Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Draw from the most likely tokens whose probabilities reach P.")
    private @Nullable Double topP;

    @Option(names = "--seed", paramLabel = "N", description = "Draw other tokens. The default is 0.")
    private @Nullable Long seed;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "R",
            description = "Above 1, makes tokens that were there before less likely.")
    private @Nullable Double repetitionPenalty;

    @Option(names = "--max-new-tokens", paramLabel = "N", description = "The most tokens to add.")
    private @Nullable Integer maxNewTokens;

    /// Refuses values that no checkpoint could make sense of, before one is opened.
    void requireSound(CommandLine line) {
        boolean draws = Stream.of(temperature, topK, topP, seed).anyMatch(value -> value != null);
        if (greedy && draws) {
            throw new CommandLine.ParameterException(
                    line, "--greedy draws nothing, so --temperature, --top-k, --top-p and --seed do not go with it");
        }
        requireSound(line, "--temperature", temperature, ANY::withTemperature);
        requireSound(line, "--top-k", topK, ANY::withTopK);
        requireSound(line, "--top-p", topP, ANY::withTopP);
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
        GenerationSettings settings = GenerationSettings.of(config, generationConfig);
        if (maxNewTokens != null) {
            settings = settings.withMaxNewTokens(maxNewTokens);
        }
        if (repetitionPenalty != null) {
            settings = settings.withRepetitionPenalty(repetitionPenalty);
        }
        boolean draws = Stream.of(temperature, topK, topP, seed).anyMatch(value -> value != null);
        if (greedy) {
            return settings.withSampling(new Sampling.Greedy());
        }
        return draws
                ? settings.withSampling(sampled(GenerationSettings.sampled(generationConfig.orElseGet(JsonObject::of))))
                : settings;
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
        return seed != null ? sampled.withSeed(seed) : sampled;
    }
}
