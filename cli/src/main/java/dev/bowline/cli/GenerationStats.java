package dev.bowline.cli;

import dev.bowline.generate.Continuation;
import dev.bowline.generate.TextGeneration;
import dev.bowline.json.JsonObject;
import dev.bowline.report.Quantity;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/// Answers as a program reads them, and how long they took where that is asked for.
final class GenerationStats {

    private record Shown(Console console, Duration load) {}

    private final Optional<Shown> shown;
    private final Optional<String> adapter;

    private GenerationStats(Optional<Shown> shown, Optional<String> adapter) {
        this.shown = shown;
        this.adapter = adapter;
    }

    static GenerationStats hidden() {
        return new GenerationStats(Optional.empty(), Optional.empty());
    }

    /// @param load how long the checkpoint took to load
    static GenerationStats shown(Console console, Duration load) {
        return new GenerationStats(Optional.of(new Shown(console, load)), Optional.empty());
    }

    /// The same for answers with an adapter.
    GenerationStats of(NamedAdapter used) {
        return new GenerationStats(shown, Optional.of(used.name()));
    }

    JsonObject json(TextGeneration.Answer answer) {
        Continuation continuation = answer.continuation();
        JsonObject named =
                adapter.map(name -> JsonObject.of().with("adapter", name)).orElseGet(JsonObject::of);
        JsonObject json = named.with("text", answer.text())
                .with("prompt_tokens", continuation.promptTokens())
                .with("new_tokens", continuation.tokens().size())
                .with("end", continuation.end().name().toLowerCase(Locale.ROOT));
        return shown.map(with -> json.with("stats", stats(with, continuation))).orElse(json);
    }

    private static JsonObject stats(Shown shown, Continuation continuation) {
        Continuation.Time time = continuation.time();
        return JsonObject.of()
                .with("load_seconds", seconds(shown.load))
                .with("prefill_tokens", time.computedPromptTokens())
                .with("prefill_seconds", seconds(time.prefill()))
                .with("decode_tokens", decoded(continuation))
                .with("decode_seconds", seconds(time.decode()))
                .with("decode_tokens_per_second", perSecond(decoded(continuation), time.decode()));
    }

    /// On the error stream, after an answer.
    void note(TextGeneration.Answer answer) {
        shown.ifPresent(with -> {
            Continuation continuation = answer.continuation();
            Continuation.Time time = continuation.time();
            with.console.note("load %.2f s, prefill %s in %.2f s (%.1f tokens/s), decode %s in %.2f s (%.1f tokens/s)"
                    .formatted(
                            seconds(with.load),
                            Quantity.count(time.computedPromptTokens(), "token"),
                            seconds(time.prefill()),
                            perSecond(time.computedPromptTokens(), time.prefill()),
                            Quantity.count(decoded(continuation), "token"),
                            seconds(time.decode()),
                            perSecond(decoded(continuation), time.decode())));
        });
    }

    /// Tokens that the model was run for after the prompt: the first comes from the prompt's own logits, and the one
    /// that
    /// stopped the answer is counted.
    private static int decoded(Continuation continuation) {
        int chosen = continuation.tokens().size() + (continuation.stopToken().isPresent() ? 1 : 0);
        return Math.max(0, chosen - 1);
    }

    private static double perSecond(int tokens, Duration time) {
        return tokens == 0 ? 0 : tokens / Math.max(seconds(time), 1e-9);
    }

    private static double seconds(Duration time) {
        return time.toNanos() / 1e9;
    }
}
