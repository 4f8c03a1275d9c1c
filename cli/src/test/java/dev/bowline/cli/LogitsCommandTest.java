package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// `logits` writes what transformers computes, under transformers' names.
class LogitsCommandTest {

    @TempDir
    private Path directory = Path.of("");

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "moe_untied", "e2b_like", "text_only", "with_towers"})
    void logitsLossAndGradientsAreTheReferences(String variant) {
        Path output = directory.resolve("out.safetensors");
        try (SafetensorsFile reference = reference(variant)) {
            Path input = input(
                    List.of(TensorSource.of(reference, "input_ids"), TensorSource.of(reference, "attention_mask")));

            run(variant, input, output, "--grads").succeeded();

            assertIsTheReferences(reference, "", longs(reference, "attention_mask"), output);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "moe_untied", "e2b_like", "text_only", "with_towers"})
    void withoutAMaskEveryPositionIsAToken(String variant) {
        Path output = directory.resolve("out.safetensors");
        try (SafetensorsFile reference = reference(variant)) {
            Path input = input(List.of(renamed(reference, "unpadded.input_ids", "input_ids")));
            long[] everything = new long
                    [Math.toIntExact(reference.entry("unpadded.input_ids").elements())];
            Arrays.fill(everything, 1);

            run(variant, input, output, "--grads").succeeded();

            assertIsTheReferences(reference, "unpadded.", everything, output);
        }
    }

    @Test
    void withoutGradsOnlyLogitsAreWritten() {
        Path output = directory.resolve("out.safetensors");
        try (SafetensorsFile reference = reference("moe_tied")) {
            run("moe_tied", input(List.of(TensorSource.of(reference, "input_ids"))), output)
                    .succeeded();
        }
        try (SafetensorsFile written = SafetensorsFile.open(output)) {
            assertEquals(Set.of("logits"), written.entries().keySet());
        }
    }

    @Test
    void aMaskOfOnesIsNoMask() {
        try (SafetensorsFile reference = reference("moe_tied")) {
            TensorSource ids = renamed(reference, "unpadded.input_ids", "input_ids");
            long[] ones = new long
                    [Math.toIntExact(reference.entry("unpadded.input_ids").elements())];
            Arrays.fill(ones, 1);
            TensorSource mask = new TensorSource("attention_mask", SafetensorsType.I64, ids.shape(), memory(ones));
            Path without = directory.resolve("without.safetensors");
            Path with = directory.resolve("with.safetensors");

            run("moe_tied", input(List.of(ids)), without).succeeded();
            run("moe_tied", input(List.of(ids, mask)), with).succeeded();

            try (SafetensorsFile a = SafetensorsFile.open(without);
                    SafetensorsFile b = SafetensorsFile.open(with)) {
                assertArrayEquals(floats(a, "logits"), floats(b, "logits"));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"128, vocabulary has 128", "-1, is -1"})
    void idsOutsideTheVocabularyAreRefusedAndNothingIsWritten(long id, String expected) {
        Path output = directory.resolve("out.safetensors");
        Path input = input(List.of(ids(1, 2, id)));

        Ran ran = run("moe_tied", input, output);

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains(expected), ran.err());
        assertTrue(Files.notExists(output));
    }

    @Test
    void aFileWithoutIdsIsRefused() {
        Path input = input(List.of(new TensorSource("inputs", SafetensorsType.I64, List.of(1L, 1L), memory(1))));

        Ran ran = run("moe_tied", input, directory.resolve("out.safetensors"));

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("input_ids"), ran.err());
    }

    @Test
    void aLossWithoutTargetsIsRefused() {
        Ran ran = run("moe_tied", input(List.of(ids(5))), directory.resolve("out.safetensors"), "--grads");

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("no position has a next token"), ran.err());
    }

    @Test
    void nothingThatIsReadIsWrittenOver() throws IOException {
        Path checkpoint = Files.createDirectory(directory.resolve("model"));
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(Ran.fixture("moe_tied").resolve(name), checkpoint.resolve(name));
        }
        Path weights = checkpoint.resolve("model.safetensors");
        Path input = input(List.of(ids(1, 2)));
        Path link = Files.createSymbolicLink(directory.resolve("link.safetensors"), weights);

        assertWritesNothing(checkpoint, input, input, "is the file that --input names");
        assertWritesNothing(checkpoint, input, weights, "is a file of the checkpoint's weights");
        assertWritesNothing(checkpoint, input, link, "is a file of the checkpoint's weights");
    }

    private static void assertWritesNothing(Path checkpoint, Path input, Path output, String expected)
            throws IOException {
        byte[] before = Files.readAllBytes(output);

        Ran ran = Ran.bowline(
                "logits", checkpoint.toString(), "--input", input.toString(), "--output", output.toString());

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains(expected), ran.err());
        assertArrayEquals(before, Files.readAllBytes(output));
    }

    @Test
    void aMaskHasZerosAndOnes() {
        TensorSource mask = new TensorSource("attention_mask", SafetensorsType.I64, List.of(1L, 3L), memory(1, 2, 1));

        Ran ran = run("moe_tied", input(List.of(ids(1, 2, 3), mask)), directory.resolve("out.safetensors"));

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("attention_mask[0, 1] is 2"), ran.err());
    }

    @Test
    void noTokenAtAllIsRefused() {
        TensorSource none = new TensorSource("input_ids", SafetensorsType.I64, List.of(0L, 4L), memory());

        Ran ran = run("moe_tied", input(List.of(none)), directory.resolve("out.safetensors"));

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertTrue(ran.err().contains("no token at all"), ran.err());
    }

    private static Ran run(String variant, Path input, Path output, String... more) {
        List<String> arguments = new java.util.ArrayList<>(List.of(
                "logits", Ran.fixture(variant).toString(), "--input", input.toString(), "--output", output.toString()));
        arguments.addAll(List.of(more));
        return Ran.bowline(arguments.toArray(String[]::new));
    }

    private Path input(List<TensorSource> tensors) {
        Path file = directory.resolve("in.safetensors");
        SafetensorsWriter.write(file, tensors);
        return file;
    }

    private static TensorSource ids(long... row) {
        return new TensorSource("input_ids", SafetensorsType.I64, List.of(1L, (long) row.length), memory(row));
    }

    private static MemorySegment memory(long... values) {
        return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_LONG, values);
    }

    private static TensorSource renamed(SafetensorsFile file, String from, String to) {
        return new TensorSource(to, file.entry(from).type(), file.entry(from).shape(), file.bytes(from));
    }

    private static SafetensorsFile reference(String variant) {
        return SafetensorsFile.open(Ran.fixture(variant).resolve("reference.safetensors"));
    }

    /// Logits and loss within 1e-4 of the largest logit, each gradient within 1e-3 of its norm, and no name too few or
    /// too many.
    ///
    /// @param prefix of the reference's keys
    /// @param mask of the positions whose logits mean something
    private static void assertIsTheReferences(SafetensorsFile reference, String prefix, long[] mask, Path output) {
        try (SafetensorsFile written = SafetensorsFile.open(output)) {
            Set<String> names = reference.entries().keySet().stream()
                    .filter(name -> name.startsWith(prefix + "grad."))
                    .map(name -> name.substring(prefix.length()))
                    .collect(Collectors.toCollection(TreeSet::new));
            names.addAll(List.of("logits", "loss"));
            assertEquals(names, new TreeSet<>(written.entries().keySet()));

            double largest = 0;
            double error = 0;
            double[] expected = floats(reference, prefix + "logits");
            double[] actual = floats(written, "logits");
            int vocabulary = expected.length / mask.length;
            for (int i = 0; i < expected.length; i++) {
                if (mask[i / vocabulary] != 0) {
                    largest = Math.max(largest, Math.abs(expected[i]));
                    error = Math.max(error, Math.abs(expected[i] - actual[i]));
                }
            }
            assertTrue(error <= 1e-4 * largest, "logits differ by " + error);
            assertEquals(floats(reference, prefix + "loss")[0], floats(written, "loss")[0], 1e-4 * largest);
            for (String name : names) {
                assertEquals(
                        reference.entry(prefix + name).shape(),
                        written.entry(name).shape(),
                        name);
                if (name.startsWith("grad.")) {
                    double[] gradient = floats(reference, prefix + name);
                    double off = distance(gradient, floats(written, name)) / norm(gradient);
                    assertTrue(off <= 1e-3, "%s differs by %s of its norm".formatted(name, off));
                }
            }
        }
    }

    private static long[] longs(SafetensorsFile file, String name) {
        return file.bytes(name).toArray(ValueLayout.JAVA_LONG_UNALIGNED);
    }

    private static double[] floats(SafetensorsFile file, String name) {
        float[] values = file.bytes(name).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
        double[] wide = new double[values.length];
        Arrays.setAll(wide, i -> values[i]);
        return wide;
    }

    private static double distance(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }
        return Math.sqrt(sum);
    }

    private static double norm(double[] values) {
        return distance(values, new double[values.length]);
    }
}
