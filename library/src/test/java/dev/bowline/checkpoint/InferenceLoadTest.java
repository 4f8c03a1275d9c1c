package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A model loaded for inference computes from the mapped files, and nothing can change its weights.
class InferenceLoadTest {

    private static final long[] IDS = {3, 5, 7, 11};

    /// A family has four variants or more.
    private static final int VARIANTS_SKIPPED = 3;

    private static byte[] logits(LanguageModel model) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor logits = model.logits(HostTensors.of(IDS, 1, IDS.length), Sequences.causal(1, IDS.length));
            assertFalse(logits.requires_grad());
            return HostTensors.bytes(logits.contiguous()).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static byte[] logitsOfACopy(Path directory, AutoModel.Options options) {
        try (Pretrained pretrained = AutoModel.fromPretrained(
                directory, options.freezing(model -> model.parameters().values().forEach(Parameter::freeze)))) {
            return logits(pretrained.model());
        }
    }

    static Stream<Path> fixtures() throws IOException {
        Path gemma = Golden.directory("gemma4", "");
        try (Stream<Path> files = Files.walk(gemma.resolveSibling("families"))) {
            List<Path> families = files.filter(file -> file.endsWith("model.safetensors"))
                    .map(Path::getParent)
                    .sorted()
                    .toList();
            return Stream.concat(
                    IntStream.range(0, families.size())
                            .filter(i -> i % VARIANTS_SKIPPED == 0)
                            .mapToObj(families::get),
                    Stream.of("dense_kv", "e2b_like_bf16", "moe_tied_bf16", "moe_untied")
                            .map(gemma::resolve));
        }
    }

    private static Parameter embedding(Pretrained pretrained) {
        return pretrained.model().inputEmbedding().get();
    }

    /// Of every family: libtorch has to read each weight in place.
    @ParameterizedTest
    @MethodSource("fixtures")
    void everyWeightIsInTheFileAndComputesTheSame(Path directory) {
        try (Pretrained pretrained = AutoModel.fromPretrained(directory, AutoModel.Options.forInference())) {
            for (LoadReport.Filled filled : pretrained.report().filled()) {
                Slot slot = Objects.requireNonNull(pretrained.model().slots().get(filled.slot()));
                if (slot.role() == SlotRole.BUFFER) {
                    continue;
                }
                boolean whole = filled.keys().size() == 1
                        && pretrained
                                        .checkpoint()
                                        .entry(filled.keys().getFirst())
                                        .bytes()
                                == filled.bytes();
                assertEquals(
                        whole ? LoadReport.Placement.MAPPED : LoadReport.Placement.OWNED,
                        filled.placement(),
                        filled.slot());
            }
            assertTrue(pretrained.model().trainable().isEmpty());
            assertEquals(
                    pretrained.model().lmHead().isTied(),
                    TiedWeights.isOne(
                            pretrained.model().lmHead(), pretrained.model().inputEmbedding()));
            assertArrayEquals(logitsOfACopy(directory, AutoModel.Options.asStored()), logits(pretrained.model()));
        }
    }

    @Test
    void aWriteIsRefusedAndTheFileStays() throws IOException {
        Path directory = Golden.directory("gemma4", "dense_kv");
        byte[] before = Files.readAllBytes(directory.resolve("model.safetensors"));

        try (Pretrained pretrained = AutoModel.fromPretrained(directory, AutoModel.Options.forInference());
                TensorScope _ = TensorScope.open()) {
            for (Parameter parameter : pretrained.model().parameters().values()) {
                if (parameter.role() == SlotRole.BUFFER) {
                    continue;
                }
                assertThrows(RuntimeException.class, () -> parameter.value().mul_(new Scalar(2.0)));
                assertThrows(
                        RuntimeException.class, () -> parameter.value().detach().zero_());
                BowlineException unfrozen = assertThrows(BowlineException.class, parameter::unfreeze);
                assertTrue(unfrozen.fix().contains("asStored()"), unfrozen.fix());
            }
        }

        assertArrayEquals(before, Files.readAllBytes(directory.resolve("model.safetensors")));
    }

    @Test
    void aCastHasMemoryOfItsOwnAndIsNotTrainedEither() {
        Path directory = Golden.directory("gemma4", "dense_kv_bf16");
        AutoModel.Options options = AutoModel.Options.forInference().in(Dtype.FLOAT32);

        try (Pretrained pretrained = AutoModel.fromPretrained(directory, options);
                TensorScope _ = TensorScope.open()) {
            assertEquals(0, pretrained.report().mappedBytes());
            assertThrows(BowlineException.class, () -> embedding(pretrained).unfreeze());
            assertArrayEquals(
                    logitsOfACopy(directory, AutoModel.Options.asStored().in(Dtype.FLOAT32)),
                    logits(pretrained.model()));
        }
    }

    @Test
    void aLaterCastLeavesTheFileAndKeepsTheTie() {
        Path directory = Golden.directory("gemma4", "dense_kv_bf16");
        byte[] expected = logitsOfACopy(directory, AutoModel.Options.asStored().in(Dtype.FLOAT32));

        try (Pretrained pretrained = AutoModel.fromPretrained(directory, AutoModel.Options.forInference())) {
            pretrained.model().cast(Dtype.FLOAT32);

            assertTrue(TiedWeights.isOne(
                    pretrained.model().lmHead(), pretrained.model().inputEmbedding()));
            assertArrayEquals(expected, logits(pretrained.model()));
        }
    }

    @Test
    void theFileStaysOpenForAsLongAsTheModelLives() {
        Path directory = Golden.directory("gemma4", "dense_kv");

        try (Pretrained pretrained = AutoModel.fromPretrained(directory, AutoModel.Options.forInference())) {
            pretrained.checkpoint().close();

            assertArrayEquals(logitsOfACopy(directory, AutoModel.Options.asStored()), logits(pretrained.model()));
        }
    }

    @Test
    void aSaveWritesTheBytesThatAreInTheFile(@TempDir Path directory) throws IOException {
        Path source = Golden.directory("gemma4", "dense_kv");
        Path saved = directory.resolve("saved");

        try (Pretrained pretrained = AutoModel.fromPretrained(source, AutoModel.Options.forInference())) {
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        try (Checkpoint before = Checkpoint.open(source);
                Checkpoint after = Checkpoint.open(saved)) {
            assertEquals(before.keys(), after.keys());
            before.keys().forEach(key -> assertEquals(-1, before.bytes(key).mismatch(after.bytes(key)), key));
        }
    }

    /// The header is a byte longer, so that no tensor begins at a multiple of its element size.
    @Test
    void aTensorThatIsNotAlignedIsCopied(@TempDir Path directory) throws IOException {
        Path source = Golden.directory("gemma4", "dense_kv");
        new TinyCheckpoint(directory, "dense_kv").write();
        byte[] file = Files.readAllBytes(source.resolve("model.safetensors"));
        ByteBuffer shifted = ByteBuffer.allocate(file.length + 1).order(ByteOrder.LITTLE_ENDIAN);
        int header = Math.toIntExact(
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
        shifted.putLong(header + 1L)
                .put(file, Long.BYTES, header)
                .put((byte) ' ')
                .put(Arrays.copyOfRange(file, Long.BYTES + header, file.length));
        Files.write(directory.resolve("model.safetensors"), shifted.array());

        try (Pretrained pretrained = AutoModel.fromPretrained(directory, AutoModel.Options.forInference())) {
            assertEquals(0, pretrained.report().mappedBytes());
            assertArrayEquals(logitsOfACopy(source, AutoModel.Options.asStored()), logits(pretrained.model()));
        }
    }

    @Test
    void theReportHashesNothing() {
        Path directory = Golden.directory("gemma4", "dense_kv");

        try (Pretrained pretrained = AutoModel.fromPretrained(directory, AutoModel.Options.forInference())) {
            assertEquals(
                    Optional.empty(),
                    pretrained.report().ledger().groups().getFirst().hashAtLoad());
        }
    }
}
