package dev.bowline.adapter.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.export.AdapterExport;
import dev.bowline.adapter.export.ExportTarget;
import dev.bowline.adapter.format.AdapterFixtures;
import dev.bowline.adapter.verify.VerifyReport.Kind;
import dev.bowline.gguf.GgufFile;
import dev.bowline.gguf.GgufTensor;
import dev.bowline.gguf.MappedGguf;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// An exported adapter computes what its source computes; one that was changed, or that the program applies in part,
/// is not verified.
class VerifyExportTest {

    private static final String PREFIX = "base_model.model.model.layers.";

    @TempDir
    private Path directory = Path.of("");

    private Path export(String name, ExportTarget target) {
        Path out = directory.resolve("out");
        AdapterExport.write(AdapterFixtures.directory(name), AdapterFixtures.base(name), target, out);
        return out;
    }

    private static VerifyReport verify(Path export, String name) {
        return Verify.of(
                export, AdapterFixtures.base(name), Optional.of(AdapterFixtures.directory(name)), Optional.empty());
    }

    private static void assertProblem(VerifyReport report, String part) {
        assertFalse(report.isSound());
        assertTrue(
                report.problems().stream().anyMatch(problem -> problem.contains(part)),
                report.problems().toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3moe_experts", "gemma4_experts"})
    void anExportForVllmIsVerified(String name) {
        VerifyReport report = verify(export(name, ExportTarget.VLLM), name);

        assertTrue(report.isSound(), report.problems().toString());
        assertEquals(Kind.VLLM_ADAPTER, report.kind());
        assertTrue(report.adapter().orElseThrow().expertDeltas() > 0);
        assertEquals(0, report.adapter().orElseThrow().zeroExpertDeltas());
        assertTrue(report.logits().fromAdapter().orElseThrow() < 1e-5, report.toString());
    }

    @Test
    void anExportWithLinearsAloneIsVerified() {
        VerifyReport report = verify(export("llama_rslora", ExportTarget.VLLM), "llama_rslora");

        assertTrue(report.isSound(), report.problems().toString());
    }

    @Test
    void anExpertWithoutADeltaIsAProblem() {
        Path export = export("qwen3moe_experts", ExportTarget.VLLM);
        String zeroed = PREFIX + "2.mlp.experts.2.down_proj.lora_B.weight";
        change(export, tensor -> tensor.name().equals(zeroed) ? List.of(zero(tensor)) : List.of(tensor));

        VerifyReport report = verify(export, "qwen3moe_experts");

        assertProblem(report, "the delta of expert 2 of 'model.layers.2.mlp.experts.down_proj' is zero");
        assertEquals(1, report.adapter().orElseThrow().zeroExpertDeltas());
    }

    @Test
    void anExpertWithoutATensorIsAProblem() {
        Path export = export("qwen3moe_experts", ExportTarget.VLLM);
        change(
                export,
                tensor -> tensor.name().contains("layers.0.mlp.experts.1.up_proj") ? List.of() : List.of(tensor));

        assertProblem(verify(export, "qwen3moe_experts"), "matrices of 'model.layers.0.mlp.experts.gate_up_proj'");
    }

    @Test
    void aNameThatVllmDoesNotBindIsAProblem() {
        Path export = export("qwen3moe_all_linear", ExportTarget.VLLM);
        change(export, tensor -> {
            String name = tensor.name().replace("0.self_attn.q_proj", "0.attention.q_proj");
            return List.of(new TensorSource(name, tensor.type(), tensor.shape(), tensor.content()));
        });

        assertProblem(verify(export, "qwen3moe_all_linear"), "vLLM applies no tensor of 'model.layers.0.attention.q");
    }

    @Test
    void aGgufAdapterIsVerified() {
        VerifyReport report = verify(export("llama_linear", ExportTarget.LLAMA_CPP), "llama_linear");

        assertTrue(report.isSound(), report.problems().toString());
        assertEquals(Kind.GGUF_ADAPTER, report.kind());
        assertTrue(report.logits().fromAdapter().orElseThrow() < 1e-5, report.toString());
    }

    @Test
    void aGgufAdapterWithRowsInAnotherOrderIsAProblem() {
        Path export = export("llama_linear", ExportTarget.LLAMA_CPP).resolve("adapter.gguf");
        Path swapped = directory.resolve("swapped.gguf");
        try (MappedGguf file = MappedGguf.open(export)) {
            List<GgufTensor> tensors = new ArrayList<>();
            file.tensors().values().forEach(tensor -> {
                byte[] bytes = tensor.bytes().toArray(ValueLayout.JAVA_BYTE);
                if (tensor.name().equals("blk.0.attn_q.weight.lora_b")) {
                    int row = bytes.length / Math.toIntExact(tensor.shape().getFirst());
                    byte[] second = Arrays.copyOfRange(bytes, row, 2 * row);
                    System.arraycopy(bytes, 0, bytes, row, row);
                    System.arraycopy(second, 0, bytes, 0, row);
                }
                TensorBytes content = TensorBytes.of(MemorySegment.ofArray(bytes));
                tensors.add(new GgufTensor(tensor.name(), tensor.type(), tensor.shape(), content));
            });
            new GgufFile(file.metadata(), tensors).write(swapped);
        }

        VerifyReport report = verify(swapped, "llama_linear");

        assertProblem(report, "the delta of 'model.layers.0.self_attn.q_proj' differs");
        assertProblem(report, "the export does not compute what the adapter computes");
    }

    @Test
    void aGgufAdapterOfAnotherArchitectureIsRefused() {
        Path export = export("llama_linear", ExportTarget.LLAMA_CPP);

        BowlineException e = assertThrows(BowlineException.class, () -> verify(export, "qwen3moe_experts"));

        assertTrue(e.problem().contains("has the general.architecture 'llama'"), e.problem());
    }

    private static TensorSource zero(TensorSource tensor) {
        return new TensorSource(
                tensor.name(),
                tensor.type(),
                tensor.shape(),
                MemorySegment.ofArray(new byte[Math.toIntExact(tensor.bytes())]));
    }

    /// Writes the adapter's tensors anew.
    private static void change(Path adapter, Function<TensorSource, List<TensorSource>> change) {
        Path path = adapter.resolve("adapter_model.safetensors");
        Path changed = adapter.resolve("changed");
        try {
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                List<TensorSource> tensors = file.entries().keySet().stream()
                        .flatMap(name -> change.apply(TensorSource.of(file, name)).stream())
                        .toList();
                SafetensorsWriter.create(changed, tensors, file.metadata(), Set.of());
            }
            Files.delete(path);
            Files.move(changed, path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
