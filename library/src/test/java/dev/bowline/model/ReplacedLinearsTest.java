package dev.bowline.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.CrossEntropy;
import dev.bowline.loss.FullLogitsCrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A linear's operator is the only way to its weight. With every linear of a model replaced by W + B A,
/// computed apart, logits and all gradients are those of a model whose weights are W + B A, where dL/dW =
/// dL/dW', dL/dA = Bᵀ dL/dW' and dL/dB = dL/dW' Aᵀ. The head of that model is computed here by libtorch
/// alone.
class ReplacedLinearsTest {

    /// Both computations round every product to float32, 2⁻²⁴ of its size; through all layers, and where a
    /// gradient is a small difference of large numbers, 2e-4 was measured. A weight that is used without its
    /// B A is off by about 1.
    private static final double FLOAT32_BOUND = 1e-3;

    /// In bfloat16 two computations are compared with a third in float32: W + B A apart, and W + B A merged
    /// and rounded. Each rounds every product, 2⁻⁹ of its size, at other places. The mean distance of the
    /// first was measured to be 0.8 of that of the second. A weight that is used without its B A makes it 2
    /// or more.
    private static final double BFLOAT16_MEAN_RATIO = 1.25;

    /// Of one tensor, to the second computation's distance or to its mean distance if that is larger.
    private static final double BFLOAT16_RATIO = 4;

    private static final int ROWS = 2;
    private static final int LENGTH = 20;
    private static final double LOSS_WEIGHT = 1.0 / 16;

    @TempDir
    private Path directory;

    static Stream<Arguments> float32() {
        return underEachPolicy(
                "gemma4/moe_tied",
                "gemma4/e2b_like",
                "families/llama/tied",
                "families/llama/biases",
                "families/phi3/longrope_within",
                "families/qwen3moe/normalised");
    }

    static Stream<Arguments> bfloat16() {
        return underEachPolicy("gemma4/moe_tied_bf16", "families/llama/tied_bf16");
    }

    private static Stream<Arguments> underEachPolicy(String... fixtures) {
        return Stream.of(fixtures)
                .flatMap(fixture -> Stream.of(KernelPolicy.values()).map(policy -> Arguments.of(fixture, policy)));
    }

    private record Outcome(Tensor logits, double loss, Map<String, Tensor> gradients) {}

    @ParameterizedTest
    @MethodSource("float32")
    void inFloat32EveryLinearIsReplaced(String fixture, KernelPolicy kernels) {
        Path checkpoint = Golden.directory("", fixture);
        for (CrossEntropy loss : List.of(new ChunkedCrossEntropy(5), new FullLogitsCrossEntropy())) {
            try (TensorScope _ = TensorScope.open();
                    Pretrained replaced = AutoModel.fromPretrained(checkpoint);
                    Pretrained merged = AutoModel.fromPretrained(checkpoint)) {
                replaced.model().useKernels(kernels);
                Map<String, LowRankSum> sums = replaceAll(replaced.model());
                Outcome expected = merged(merged.model(), sums);

                Outcome actual = replaced(replaced.model(), loss);

                assertEquals(expected.gradients().keySet(), actual.gradients().keySet());
                assertTrue(distance(expected.logits(), actual.logits()) <= FLOAT32_BOUND);
                assertEquals(expected.loss(), actual.loss(), FLOAT32_BOUND * Math.abs(expected.loss()));
                expected.gradients().forEach((name, gradient) -> {
                    double distance = distance(
                            gradient, Objects.requireNonNull(actual.gradients().get(name)));
                    assertTrue(distance <= FLOAT32_BOUND, () -> name + " is off by " + distance);
                });
            }
        }
    }

    @ParameterizedTest
    @MethodSource("bfloat16")
    void inBfloat16EveryLinearIsReplaced(String fixture, KernelPolicy kernels) throws IOException {
        Path checkpoint = withAllExperts(Golden.directory("", fixture));
        try (TensorScope _ = TensorScope.open();
                Pretrained replaced = AutoModel.fromPretrained(checkpoint);
                Pretrained rounded = AutoModel.fromPretrained(checkpoint);
                Pretrained exact = AutoModel.fromPretrained(checkpoint)) {
            assertEquals(Dtype.BFLOAT16, replaced.model().inputEmbedding().get().dtype());
            replaced.model().useKernels(kernels);
            Map<String, LowRankSum> sums = replaceAll(replaced.model());
            exact.model().cast(Dtype.FLOAT32);
            Outcome expected = merged(exact.model(), sums);
            Outcome other = merged(rounded.model(), sums);

            Outcome actual = replaced(replaced.model(), new ChunkedCrossEntropy(5));

            assertEquals(expected.gradients().keySet(), actual.gradients().keySet());
            Map<String, Double> distances = distances(expected, actual);
            Map<String, Double> otherDistances = distances(expected, other);
            double otherMean = mean(otherDistances);
            assertTrue(mean(distances) <= BFLOAT16_MEAN_RATIO * otherMean, mean(distances) + " against " + otherMean);
            distances.forEach((name, distance) -> {
                double bound = BFLOAT16_RATIO * Math.max(Objects.requireNonNull(otherDistances.get(name)), otherMean);
                assertTrue(distance <= bound, () -> "%s is off by %s, more than %s".formatted(name, distance, bound));
            });
        }
    }

    private static Map<String, Double> distances(Outcome expected, Outcome actual) {
        Map<String, Double> distances = new LinkedHashMap<>();
        distances.put("logits", distance(expected.logits(), actual.logits()));
        expected.gradients()
                .forEach((name, gradient) -> distances.put(
                        name,
                        distance(
                                gradient,
                                Objects.requireNonNull(actual.gradients().get(name)))));
        return distances;
    }

    private static double mean(Map<String, Double> distances) {
        return distances.values().stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .orElseThrow();
    }

    /// The checkpoint with every expert chosen for every token: a choice that rounding decides is no
    /// difference between two computations.
    private Path withAllExperts(Path checkpoint) throws IOException {
        try (Stream<Path> files = Files.list(checkpoint)) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
        Path config = directory.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"top_k_experts\": 2", "\"top_k_experts\": 8"));
        return directory;
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma4/moe_tied", "families/llama/tied"})
    void withTheBaseFrozenTheAddedWeightsGetTheSameGradients(String fixture) {
        Path checkpoint = Golden.directory("", fixture);
        try (TensorScope _ = TensorScope.open();
                Pretrained whole = AutoModel.fromPretrained(checkpoint);
                Pretrained frozen = AutoModel.fromPretrained(checkpoint)) {
            replaceAll(whole.model());
            Map<String, LowRankSum> sums = replaceAll(frozen.model());
            frozen.model().parameters().values().stream()
                    .filter(parameter -> parameter.role() == SlotRole.BASE)
                    .forEach(Parameter::freeze);
            Outcome expected = replaced(whole.model(), new ChunkedCrossEntropy(5));

            Outcome actual = replaced(frozen.model(), new ChunkedCrossEntropy(5));

            assertEquals(2 * sums.size(), actual.gradients().size());
            actual.gradients().forEach((name, gradient) -> {
                double distance =
                        distance(Objects.requireNonNull(expected.gradients().get(name)), gradient);
                assertTrue(distance <= FLOAT32_BOUND, () -> name + " is off by " + distance);
            });
        }
    }

    @Test
    void replacingTheHeadsOperatorKeepsTheTie() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "moe_tied"))) {
            LanguageModel model = pretrained.model();

            replaceAll(model);

            assertSame(model.inputEmbedding(), model.lmHead().root());
            assertSame(model.lmHead(), model.slots().get("lm_head.weight"));
            assertEquals(
                    SlotRole.ADAPTER,
                    Objects.requireNonNull(model.slots().get("lm_head.lora_A.weight"))
                            .role());
        }
    }

    private static Map<String, LowRankSum> replaceAll(LanguageModel model) {
        Map<String, LowRankSum> sums = new LinkedHashMap<>();
        try (RandomSource random = RandomSource.seeded(5)) {
            model.linears()
                    .forEach((path, linear) -> linear.replace(base -> {
                        LowRankSum sum = LowRankSum.random(linear, base, random);
                        sums.put(path, sum);
                        return sum;
                    }));
        }
        return sums;
    }

    private static Outcome replaced(LanguageModel model, CrossEntropy loss) {
        Tensor hidden = model.hiddenStates(ids(model), Sequences.causal(ROWS, LENGTH), Optional.empty());
        Tensor logits = model.head().logits(hidden.detach()).detach();
        double value = loss.backward(LossInput.of(hidden, model.head(), Targets.of(labels(model))), LOSS_WEIGHT);
        Map<String, Tensor> gradients = new LinkedHashMap<>();
        model.trainable()
                .forEach((name, parameter) ->
                        gradients.put(name, parameter.gradient().orElseGet(() -> torch.zeros_like(parameter.value()))));
        return new Outcome(logits, value, gradients);
    }

    /// The model's weights become W + B A, but for the head's, which may be tied.
    private static Outcome merged(LanguageModel model, Map<String, LowRankSum> sums) {
        Linear head = model.head().linear();
        String headPath = head.path();
        Tensor headWeight = Objects.requireNonNull(sums.get(headPath)).product();
        headWeight.add_(head.weight().tensor().detach());
        model.linears().forEach((path, linear) -> {
            if (!path.equals(headPath)) {
                Tensor w = matrix(path, linear, linear.weight().tensor().detach());
                w.add_(Objects.requireNonNull(sums.get(path)).product());
            }
        });
        Tensor w = headWeight.to(head.weight().tensor().scalar_type()).set_requires_grad(true);

        Tensor hidden = model.hiddenStates(ids(model), Sequences.causal(ROWS, LENGTH), Optional.empty());
        Tensor logits = torch.linear(hidden, w);
        if (model.head().softcap().isPresent()) {
            Scalar cap = new Scalar(model.head().softcap().getAsDouble());
            logits = logits.div(cap).tanh().mul(cap);
        }
        long[] labels = labels(model);
        Tensor loss = torch.cross_entropy_loss(
                        Ops.cast(logits, Dtype.FLOAT32).reshape(-1, logits.size(-1)),
                        HostTensors.of(labels, labels.length),
                        new TensorOptional(),
                        2,
                        Targets.IGNORED,
                        0)
                .mul(new Scalar(LOSS_WEIGHT));
        loss.backward();

        Map<String, Tensor> gradients = new LinkedHashMap<>();
        model.trainable()
                .forEach((name, parameter) ->
                        gradients.put(name, parameter.gradient().orElseGet(() -> torch.zeros_like(parameter.value()))));
        model.linears().forEach((path, linear) -> {
            Tensor dw = path.equals(headPath)
                    ? w.grad()
                    : matrix(path, linear, linear.weight().get().gradientBuffer());
            Tensor wide = Ops.cast(dw, Dtype.FLOAT32);
            LowRankSum sum = Objects.requireNonNull(sums.get(path));
            gradients.put(
                    sum.a().path(),
                    Ops.cast(sum.b().tensor().detach(), Dtype.FLOAT32).t().mm(wide));
            gradients.put(
                    sum.b().path(),
                    wide.mm(Ops.cast(sum.a().tensor().detach(), Dtype.FLOAT32).t()));
        });
        Parameter stored = head.weight().get();
        model.parameters().forEach((name, parameter) -> {
            if (parameter == stored) {
                gradients.put(name, parameter.gradientBuffer().add(new Tensor(w.grad())));
            }
        });
        return new Outcome(logits.detach(), loss.item_double(), gradients);
    }

    private static Tensor matrix(String path, Linear linear, Tensor values) {
        return linear.weight().shape().length == 2
                ? values
                : values.select(0, Long.parseLong(path.substring(path.lastIndexOf('.') + 1)));
    }

    private static Tensor ids(LanguageModel model) {
        return HostTensors.of(tokens(model), ROWS, LENGTH);
    }

    private static long[] tokens(LanguageModel model) {
        return new Random(3).longs(ROWS * LENGTH, 3, model.vocabularySize()).toArray();
    }

    private static long[] labels(LanguageModel model) {
        long[] labels = tokens(model);
        labels[0] = Targets.IGNORED;
        labels[7] = Targets.IGNORED;
        return labels;
    }

    private static double distance(Tensor expected, Tensor actual) {
        Tensor wide = Ops.cast(expected, Dtype.FLOAT32);
        double size = wide.norm().item_double();
        double distance = Ops.cast(actual, Dtype.FLOAT32).sub(wide).norm().item_double();
        return size == 0 ? distance : distance / size;
    }
}
