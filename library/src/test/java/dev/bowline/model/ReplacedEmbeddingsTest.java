package dev.bowline.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.nn.EmbeddingOperator;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// An embedding's operator is the only way to its table for a lookup. With every embedding of a model replaced by
/// W + D, two tables apart, hidden states and all gradients are those of a model whose tables are W + D.
class ReplacedEmbeddingsTest {

    private static final double FLOAT32_BOUND = 1e-3;
    private static final int ROWS = 2;
    private static final int LENGTH = 12;

    /// W + D, looked up apart.
    private record SumOfTables(EmbeddingOperator base, Slot table) implements EmbeddingOperator {

        static SumOfTables random(String path, EmbeddingOperator base, RandomSource random) {
            Slot table = new Slot(path + ".table", SlotRole.ADAPTER, base.vocabulary(), base.width());
            table.get().materialize(Ops.cast(random.normal(1, table.shape()), base.dtype()));
            return new SumOfTables(base, table);
        }

        @Override
        public long vocabulary() {
            return base.vocabulary();
        }

        @Override
        public long width() {
            return base.width();
        }

        @Override
        public Dtype dtype() {
            return base.dtype();
        }

        @Override
        public List<Slot> slots() {
            return Stream.concat(base.slots().stream(), Stream.of(table)).toList();
        }

        @Override
        public Tensor forward(Tensor ids) {
            return base.forward(ids).add(base.withWeight(table).forward(ids));
        }
    }

    static Stream<Arguments> models() {
        return Stream.of("gemma4/e2b_like", "families/llama/tied", "families/gemma2/untied")
                .flatMap(fixture -> Stream.of(KernelPolicy.values()).map(policy -> Arguments.of(fixture, policy)));
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyEmbeddingIsReplaced(String fixture, KernelPolicy kernels) {
        Path checkpoint = Golden.directory("", fixture);
        try (TensorScope _ = TensorScope.open();
                Pretrained replaced = AutoModel.fromPretrained(checkpoint);
                Pretrained merged = AutoModel.fromPretrained(checkpoint)) {
            replaced.model().useKernels(kernels);
            Map<String, SumOfTables> sums = replaceAll(replaced.model());
            sums.forEach((path, sum) -> Objects.requireNonNull(
                            merged.model().embeddings().get(path))
                    .weight()
                    .tensor()
                    .detach()
                    .add_(sum.table().tensor().detach()));
            Tensor expected = backward(merged.model());

            Tensor actual = backward(replaced.model());

            assertTrue(distance(expected, actual) <= FLOAT32_BOUND);
            Map<String, Tensor> gradients = gradients(merged.model());
            sums.forEach((path, sum) -> {
                Tensor gradient = Objects.requireNonNull(gradients.get(path + ".weight"));
                assertTrue(distance(gradient, sum.table().get().gradient().orElseThrow()) <= FLOAT32_BOUND, path);
            });
            gradients(replaced.model()).forEach((name, gradient) -> {
                if (gradients.containsKey(name)) {
                    assertTrue(distance(Objects.requireNonNull(gradients.get(name)), gradient) <= FLOAT32_BOUND, name);
                }
            });
        }
    }

    @Test
    void replacingTheEmbeddingKeepsTheTieAndTheDtype() {
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families", "llama/tied_bf16"))) {
            LanguageModel model = pretrained.model();

            replaceAll(model);

            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            assertSame(model.inputEmbedding(), model.lmHead().root());
            assertEquals(
                    List.of("model.embed_tokens.table"),
                    List.copyOf(model.slots(SlotRole.ADAPTER).keySet()));
            assertEquals(Dtype.BFLOAT16, model.decoder().tokens().placement().dtype());
        }
    }

    @Test
    void aNormComputesWithTheWeightInUse() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("families", "gemma2/untied"))) {
            LanguageModel model = pretrained.model();
            RmsNorm norm = Objects.requireNonNull(model.norms().get("model.norm"));
            Slot copy = new Slot(
                    "model.norm.copy",
                    SlotRole.ADAPTER,
                    norm.weight().orElseThrow().shape());
            copy.get().materialize(Ops.zeros(model.device(), Dtype.FLOAT32, copy.shape()));
            Tensor before = backward(model);

            norm.useWeight(copy);
            Tensor during = backward(model);
            boolean isPart = model.slots(SlotRole.ADAPTER).containsValue(copy);
            norm.useStoredWeight();
            Tensor after = backward(model);

            assertTrue(distance(before, during) > 0.01);
            assertTrue(isPart && copy.get().gradient().isPresent());
            assertEquals(0, distance(before, after));
            assertTrue(model.slots(SlotRole.ADAPTER).isEmpty());
            copy.get().close();
        }
    }

    private static Map<String, SumOfTables> replaceAll(LanguageModel model) {
        Map<String, SumOfTables> sums = new LinkedHashMap<>();
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            model.embeddings()
                    .forEach((path, embedding) -> embedding.replace(base -> {
                        SumOfTables sum = SumOfTables.random(path, base, random);
                        sums.put(path, sum);
                        return sum;
                    }));
        }
        return sums;
    }

    /// The hidden states, after the backward pass of a fixed linear function of them.
    private static Tensor backward(LanguageModel model) {
        model.parameters().values().forEach(Parameter::clearGradient);
        long[] ids =
                new Random(3).longs(ROWS * LENGTH, 3, model.vocabularySize()).toArray();
        Tensor hidden =
                model.hiddenStates(HostTensors.of(ids, ROWS, LENGTH), Sequences.causal(ROWS, LENGTH), Optional.empty());
        try (RandomSource random = RandomSource.seeded(9)) {
            hidden.mul(random.normal(1, ROWS, LENGTH, hidden.size(-1))).sum().backward();
        }
        return hidden.detach();
    }

    private static Map<String, Tensor> gradients(LanguageModel model) {
        Map<String, Tensor> gradients = new LinkedHashMap<>();
        model.parameters()
                .forEach(
                        (name, parameter) -> parameter.gradient().ifPresent(gradient -> gradients.put(name, gradient)));
        return gradients;
    }

    private static double distance(Tensor expected, Tensor actual) {
        double size = expected.norm().item_double();
        double distance = actual.sub(expected).norm().item_double();
        return size == 0 ? distance : distance / size;
    }
}
