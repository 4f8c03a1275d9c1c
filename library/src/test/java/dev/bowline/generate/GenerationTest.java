package dev.bowline.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A model's cache changes the time and never the answer. That the greedy answer is transformers' is a matter
/// of parity, tested there.
class GenerationTest {

    private static final double TOLERANCE = 1e-4;

    @ParameterizedTest
    @CsvSource({
        "FUSED_CPU, moe_tied, 12",
        "FUSED_CPU, moe_tied, 3",
        "FUSED_CPU, dense_kv, 12",
        "FUSED_CPU, e2b_like, 12",
        "FUSED_CPU, e2b_like, 3",
        "FUSED_CPU, e4b_like, 12",
        "LIBTORCH, moe_tied, 3",
        "LIBTORCH, dense_kv, 12",
        "LIBTORCH, e2b_like, 3",
        "LIBTORCH, e4b_like, 12"
    })
    void cachedLogitsEqualTheUncachedForward(KernelPolicy kernels, String variant, int first) {
        Golden reference = reference(variant);
        long[] prompt = reference.longs("greedy.prompt");
        long[] tokens = reference.longs("greedy.tokens");
        long[] all = Arrays.copyOf(prompt, prompt.length + tokens.length);
        System.arraycopy(tokens, 0, all, prompt.length, tokens.length);
        try (LanguageModel model = load(variant);
                KeyValueCache cache = model.newCache();
                var _ = new NoGradGuard();
                var _ = TensorScope.open()) {
            model.useKernels(kernels);
            Tensor whole = model.logits(HostTensors.of(all, 1, all.length), Sequences.causal(1, all.length));
            double largest = whole.abs().max().item_double();

            // Blocks of several sizes, so that a block begins before, at and after the window's end.
            int at = 0;
            for (int size = first; at < all.length; size = 1 + (at % 5)) {
                int length = Math.min(size, all.length - at);
                Tensor ids = HostTensors.of(Arrays.copyOfRange(all, at, at + length), 1, length);
                Tensor hidden = model.hiddenStates(ids, Sequences.continuing(1, length, at), Optional.of(cache));
                Tensor expected = whole.narrow(1, at, length);

                Tensor logits = model.head().logits(hidden);

                double error = logits.sub(expected).abs().max().item_double() / largest;
                assertTrue(error < TOLERANCE, "positions %d to %d differ by %s".formatted(at, at + length, error));
                at += length;
            }
        }
    }

    @Test
    void aLaterTurnComputesOnlyWhatIsNewAndAnswersTheSame() {
        int[] first = ints(reference("moe_tied").longs("greedy.prompt"));
        GenerationSettings settings = GenerationSettings.greedy(12);
        try (LanguageModel model = load("moe_tied");
                Generation chat = new Generation(model);
                Generation fresh = new Generation(model)) {
            List<Integer> answer =
                    chat.generate(first, settings, TokenListener.NONE).tokens();
            int[] second = join(first, ints(answer), new int[] {5, 6, 7});

            List<Integer> continued =
                    chat.generate(second, settings, TokenListener.NONE).tokens();

            assertEquals(fresh.generate(second, settings, TokenListener.NONE).tokens(), continued);
        }
    }

    /// One loaded model serves several threads, each with a generation of its own.
    @Test
    void severalThreadsGenerateWithOneModelAsOneDoes() throws Exception {
        int[] prompt = ints(reference("moe_tied").longs("greedy.prompt"));
        GenerationSettings settings = GenerationSettings.greedy(12);
        try (LanguageModel model = load("moe_tied");
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Callable<List<Integer>>> asked = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                int[] own = join(prompt, new int[] {i % 3}, new int[] {});
                asked.add(() -> {
                    try (Generation generation = new Generation(model)) {
                        return generation
                                .generate(own, settings, TokenListener.NONE)
                                .tokens();
                    }
                });
            }
            List<List<Integer>> expected = new ArrayList<>();
            for (Callable<List<Integer>> one : asked.subList(0, 3)) {
                expected.add(one.call());
            }

            List<Future<List<Integer>>> answers = threads.invokeAll(asked);

            for (int i = 0; i < answers.size(); i++) {
                assertEquals(expected.get(i % 3), answers.get(i).get());
            }
            assertTrue(Set.copyOf(expected).size() > 1, "the prompts have one answer");
        }
    }

    @Test
    void anUnrelatedPromptAfterAnotherIsAnsweredAsIfItWereTheFirst() {
        int[] prompt = ints(reference("moe_tied").longs("greedy.prompt"));
        GenerationSettings settings = GenerationSettings.greedy(20);
        try (LanguageModel model = load("moe_tied");
                Generation generation = new Generation(model)) {
            List<Integer> expected =
                    generation.generate(prompt, settings, TokenListener.NONE).tokens();
            generation.generate(new int[] {9, 8, 7}, settings, TokenListener.NONE);

            assertEquals(
                    expected,
                    generation.generate(prompt, settings, TokenListener.NONE).tokens());
        }
    }

    @Test
    void aStopTokenEndsTheTextAndIsNotPartOfIt() {
        int[] prompt = ints(reference("moe_tied").longs("greedy.prompt"));
        int[] tokens = ints(reference("moe_tied").longs("greedy.tokens"));
        int stop = tokens[10];
        int before = indexOf(tokens, stop);
        List<Integer> heard = new ArrayList<>();
        try (LanguageModel model = load("moe_tied");
                Generation generation = new Generation(model)) {
            Continuation continuation =
                    generation.generate(prompt, GenerationSettings.greedy(72).withStopTokens(Set.of(stop)), token -> {
                        heard.add(token);
                        return TokenListener.Verdict.CONTINUE;
                    });

            assertArrayEquals(Arrays.copyOf(tokens, before), ints(continuation.tokens()));
            assertEquals(continuation.tokens(), heard);
            assertEquals(OptionalInt.of(stop), continuation.stopToken());
            assertEquals(Continuation.End.STOP_TOKEN, continuation.end());
            assertEquals(prompt.length, continuation.promptTokens());
        }
    }

    @Test
    void aListenerEndsTheTextWithTheTokenItSaw() {
        int[] prompt = ints(reference("moe_tied").longs("greedy.prompt"));
        try (LanguageModel model = load("moe_tied");
                Generation generation = new Generation(model)) {
            Continuation continuation =
                    generation.generate(prompt, GenerationSettings.greedy(72), _ -> TokenListener.Verdict.STOP);

            assertEquals(1, continuation.tokens().size());
            assertEquals(Continuation.End.STOPPED, continuation.end());
        }
    }

    @Test
    void aTextEndsWhenTheModelHasNoPositionLeft() {
        int[] prompt = {3, 4, 5};
        JsonObject config = config("text_only").with("max_position_embeddings", 40);
        try (LanguageModel model = fill(AutoModel.fromConfig(config), "text_only");
                Generation generation = new Generation(model)) {
            Continuation continuation = generation.generate(prompt, GenerationSettings.greedy(100), TokenListener.NONE);

            assertEquals(Continuation.End.CONTEXT_FULL, continuation.end());
            // The last of the 40 positions still says what follows it.
            assertEquals(41, prompt.length + continuation.tokens().size());
            assertThrows(
                    BowlineException.class,
                    () -> generation.generate(new int[41], GenerationSettings.greedy(1), TokenListener.NONE));
        }
    }

    @Test
    void promptsTheModelCannotReadAreRefused() {
        try (LanguageModel model = load("text_only");
                Generation generation = new Generation(model)) {
            GenerationSettings settings = GenerationSettings.greedy(1);

            assertThrows(BowlineException.class, () -> generation.generate(new int[0], settings, TokenListener.NONE));
            BowlineException outside = assertThrows(
                    BowlineException.class, () -> generation.generate(new int[] {128}, settings, TokenListener.NONE));
            assertTrue(outside.problem().contains("token 128"), outside.problem());
        }
    }

    @Test
    void theSameSeedDrawsTheSameTextAndAnotherSeedAnother() {
        int[] prompt = ints(reference("moe_tied").longs("greedy.prompt"));
        Sampling.Sampled sampling = new Sampling.Sampled(2.0, 0, 1.0, 0.0, 11);
        GenerationSettings settings = GenerationSettings.greedy(40).withSampling(sampling);
        try (LanguageModel model = load("moe_tied");
                Generation generation = new Generation(model)) {
            List<Integer> once =
                    generation.generate(prompt, settings, TokenListener.NONE).tokens();
            List<Integer> again =
                    generation.generate(prompt, settings, TokenListener.NONE).tokens();
            List<Integer> other = generation
                    .generate(prompt, settings.withSampling(sampling.withSeed(12)), TokenListener.NONE)
                    .tokens();

            assertEquals(once, again);
            assertTrue(!once.equals(other), "two seeds drew the same 40 tokens");
        }
    }

    private static Golden reference(String variant) {
        return Golden.read(Golden.directory("gemma4", variant).resolve("reference.safetensors"));
    }

    private static JsonObject config(String variant) {
        return Json.parse(Golden.directory("gemma4", variant).resolve("config.json"))
                .asObject();
    }

    private static LanguageModel load(String variant) {
        JsonObject config = config(variant);
        return fill(AutoModel.fromConfig(config), variant);
    }

    private static LanguageModel fill(LanguageModel model, String variant) {
        Path file = Golden.directory("gemma4", variant).resolve("model.safetensors");
        Golden weights = Golden.read(file);
        try (var _ = TensorScope.open()) {
            model.parameters()
                    .forEach((String name, Parameter parameter) -> parameter.materialize(weights.tensor(name)));
        }
        return model;
    }

    private static int indexOf(int[] tokens, int token) {
        int at = 0;
        while (tokens[at] != token) {
            at++;
        }
        return at;
    }

    private static int[] join(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    private static int[] ints(long[] values) {
        return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
    }

    private static int[] ints(List<Integer> values) {
        return values.stream().mapToInt(Integer::intValue).toArray();
    }
}
