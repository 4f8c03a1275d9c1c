package dev.bowline.generate;

import dev.bowline.BowlineException;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Continues prompts with one model, and keeps the keys and values of all tokens seen so far. If a prompt begins
/// with all these tokens, like the next turn of a chat, only the rest of the prompt is computed.
///
/// A generation is for one thread. It borrows the model and owns its cache.
public final class Generation implements AutoCloseable {

    private final LanguageModel model;
    private KeyValueCache cache;
    private int[] cached = {};

    public Generation(LanguageModel model) {
        this.model = model;
        cache = model.newCache();
    }

    /// Continues `prompt` until a stop token, a limit, or the listener ends it.
    public Continuation generate(int[] prompt, GenerationSettings settings, TokenListener listener) {
        requirePrompt(prompt);
        Sampler sampler = new Sampler(settings);
        for (int token : prompt) {
            sampler.see(token);
        }
        List<Integer> tokens = new ArrayList<>();
        Clock clock = new Clock();
        int[] unseen = keepable(unseen(prompt));
        int computed = unseen.length;
        while (true) {
            float[] logits = nextLogits(keepable(unseen));
            clock.logits();
            int token = sampler.choose(logits);
            if (settings.stopTokens().contains(token)) {
                return new Continuation(
                        prompt.length,
                        tokens,
                        Continuation.End.STOP_TOKEN,
                        OptionalInt.of(token),
                        clock.time(computed));
            }
            tokens.add(token);
            TokenListener.Verdict verdict = listener.onToken(token);
            Optional<Continuation.End> end = end(prompt.length, tokens.size(), settings, verdict);
            if (end.isPresent()) {
                return new Continuation(prompt.length, tokens, end.get(), OptionalInt.empty(), clock.time(computed));
            }
            sampler.see(token);
            unseen = new int[] {token};
        }
    }

    /// Measures one continuation.
    private static final class Clock {

        private final long start = System.nanoTime();
        private long prefilled = -1;

        void logits() {
            prefilled = prefilled < 0 ? System.nanoTime() : prefilled;
        }

        Continuation.Time time(int computedPromptTokens) {
            return new Continuation.Time(
                    computedPromptTokens,
                    Duration.ofNanos(prefilled - start),
                    Duration.ofNanos(System.nanoTime() - prefilled));
        }
    }

    private Optional<Continuation.End> end(
            int promptTokens, int newTokens, GenerationSettings settings, TokenListener.Verdict verdict) {
        if (verdict == TokenListener.Verdict.STOP) {
            return Optional.of(Continuation.End.STOPPED);
        }
        if (newTokens == settings.maxNewTokens()) {
            return Optional.of(Continuation.End.MAX_NEW_TOKENS);
        }
        return promptTokens + newTokens > model.maxPositions()
                ? Optional.of(Continuation.End.CONTEXT_FULL)
                : Optional.empty();
    }

    /// The part of the prompt that the cache does not hold. The cache is dropped if the prompt does not begin
    /// with its tokens.
    private int[] unseen(int[] prompt) {
        boolean continues =
                cached.length < prompt.length && Arrays.equals(cached, 0, cached.length, prompt, 0, cached.length);
        if (!continues) {
            forget();
        }
        return Arrays.copyOfRange(prompt, cached.length, prompt.length);
    }

    /// The tokens to compute so that the cache holds `unseen`: all tokens if the model's keys change with the
    /// length.
    private int[] keepable(int[] unseen) {
        if (model.keepsCache(cached.length, cached.length + unseen.length)) {
            return unseen;
        }
        int[] all = Arrays.copyOf(cached, cached.length + unseen.length);
        System.arraycopy(unseen, 0, all, cached.length, unseen.length);
        forget();
        return all;
    }

    /// The logits of the position after `ids`, which the cache then holds.
    ///
    /// @return `[V]`
    private float[] nextLogits(int[] ids) {
        try (var _ = new NoGradGuard();
                var _ = TensorScope.open()) {
            Tensor x = HostTensors.of(Arrays.stream(ids).asLongStream().toArray(), 1, ids.length);
            Sequences sequences = Sequences.continuing(1, ids.length, cached.length);
            Tensor h = model.hiddenStates(x, sequences, Optional.of(cache));
            Tensor last = model.head().logits(h.narrow(1, ids.length - 1L, 1));
            int past = cached.length;
            cached = Arrays.copyOf(cached, past + ids.length);
            System.arraycopy(ids, 0, cached, past, ids.length);
            return HostTensors.bytes(
                            Device.CPU.place(Ops.cast(last, Dtype.FLOAT32).contiguous()))
                    .toArray(ValueLayout.JAVA_FLOAT);
        } catch (RuntimeException e) {
            // Some layers may hold these positions and others not.
            forget();
            throw e;
        }
    }

    private void forget() {
        cache.close();
        cache = model.newCache();
        cached = new int[0];
    }

    private void requirePrompt(int[] prompt) {
        if (prompt.length == 0) {
            throw new BowlineException("the prompt has no tokens", "give at least one token to continue");
        }
        if (prompt.length > model.maxPositions()) {
            throw new BowlineException(
                    "the prompt has %d tokens, but the model has %d positions"
                            .formatted(prompt.length, model.maxPositions()),
                    "shorten the prompt");
        }
        for (int token : prompt) {
            if (token < 0 || token >= model.vocabularySize()) {
                throw new BowlineException(
                        "the prompt has token %d, but the model's vocabulary has %d tokens"
                                .formatted(token, model.vocabularySize()),
                        "use the tokenizer that belongs to the checkpoint");
            }
        }
    }

    @Override
    public void close() {
        cache.close();
        cached = new int[0];
    }
}
