package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
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
    @ValueSource(strings = {"moe_tied", "moe_untied", "e2b_like", "text_only"})
    void logitsLossAndGradientsAreTheReferences(String variant) {
        Path output = directory.resolve("out.safetensors");
        try (SafetensorsFile reference = reference(variant)) {
            Path input = input(
                    List.of(TensorSource.of(reference, "input_ids"), TensorSource.of(reference, "attention_mask")));

            run(variant, input, output, "--grads").succeeded();

            try (SafetensorsFile written = SafetensorsFile.open(output)) {
                assertClose(reference, written, "logits", 1e-4);
                assertClose(reference, written, "loss", 1e-4);
                Set<String> gradients = reference.entries().keySet().stream()
                        .filter(name -> name.startsWith("grad."))
                        .collect(Collectors.toCollection(TreeSet::new));
                gradients.forEach(name -> assertClose(reference, written, name, 1e-3));
                gradients.addAll(List.of("logits", "loss"));
                assertEquals(gradients, new TreeSet<>(written.entries().keySet()));
            }
        }
    }

    @Test
    void withoutAMaskEveryPositionIsAToken() {
        Path output = directory.resolve("out.safetensors");
        try (SafetensorsFile reference = reference("moe_tied")) {
            Path input = input(List.of(renamed(reference, "unpadded.input_ids", "input_ids")));

            run("moe_tied", input, output).succeeded();

            try (SafetensorsFile written = SafetensorsFile.open(output)) {
                assertEquals(Set.of("logits"), written.entries().keySet());
                assertEquals(
                        reference.entry("unpadded.logits").shape(),
                        written.entry("logits").shape());
                double[] expected = floats(reference, "unpadded.logits");
                assertTrue(distance(expected, floats(written, "logits")) < 1e-4 * norm(expected));
            }
        }
    }

    @Test
    void aMaskOfOnesIsNoMask() {
        try (SafetensorsFile reference = reference("moe_tied")) {
            TensorSource ids = renamed(reference, "unpadded.input_ids", "input_ids");
            long[] ones = new long
                    [Math.toIntExact(reference.entry("unpadded.input_ids").elements())];
            java.util.Arrays.fill(ones, 1);
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

    private static void assertClose(SafetensorsFile expected, SafetensorsFile actual, String name, double tolerance) {
        double[] wanted = floats(expected, name);
        double error = distance(wanted, floats(actual, name)) / norm(wanted);
        assertEquals(expected.entry(name).shape(), actual.entry(name).shape(), name);
        assertTrue(error < tolerance, "%s differs by %s of its norm".formatted(name, error));
    }

    private static double[] floats(SafetensorsFile file, String name) {
        float[] values = file.bytes(name).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
        double[] wide = new double[values.length];
        java.util.Arrays.setAll(wide, i -> values[i]);
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
