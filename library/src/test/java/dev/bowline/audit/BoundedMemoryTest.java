package dev.bowline.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What an audit keeps in memory grows neither with the tensors' bytes nor with the text of the headers.
class BoundedMemoryTest {

    private static final int TENSORS = 100_000;
    private static final long ROWS = 262_144;
    private static final long WIDTH = 1024;

    /// What the other process runs.
    public static final class Program {

        public static void main(String[] arguments) {
            TieAudit audit = TieAudit.of(Path.of(arguments[0]));
            System.out.print(audit.state().kind() + " " + audit.pair().headKey());
        }
    }

    @TempDir
    private Path temporary;

    @Test
    void aHeaderOfManyTensorsNeedsLittleMemory() throws IOException, InterruptedException {
        StringBuilder header = new StringBuilder("{");
        long end = add(header, "model.embed_tokens.weight", 64, 32, 0);
        end = add(header, "lm_head.weight", 64, 32, end);
        for (int i = 2; i < TENSORS; i++) {
            String name =
                    String.format(Locale.ROOT, "model.layers.%d.mlp.experts.%d.gate_up_proj.weight", i / 128, i % 128);
            end = add(header, name, 1, 1, end);
        }
        Path checkpoint = write(header, end);

        assertEquals("BOTH_EQUAL lm_head.weight", audited(checkpoint, "-Xmx64m"));
    }

    @Test
    void aPairOfAGigabyteNeedsLittleMemory() throws IOException, InterruptedException {
        StringBuilder header = new StringBuilder("{");
        long end = add(header, "model.embed_tokens.weight", ROWS, WIDTH, 0);
        end = add(header, "lm_head.weight", ROWS, WIDTH, end);
        Path checkpoint = write(header, end);

        assertEquals("BOTH_EQUAL lm_head.weight", audited(checkpoint, "-Xmx24m"));
    }

    /// @return where the tensor's bytes end
    private static long add(StringBuilder header, String name, long rows, long width, long begin) {
        long end = begin + 2 * rows * width;
        header.append(begin == 0 ? "" : ",")
                .append(String.format(
                        Locale.ROOT,
                        "\"%s\":{\"dtype\":\"BF16\",\"shape\":[%d,%d],\"data_offsets\":[%d,%d]}",
                        name,
                        rows,
                        width,
                        begin,
                        end));
        return end;
    }

    /// A file whose tensors' bytes are a hole, so that it takes no room on the disk.
    private Path write(StringBuilder header, long dataBytes) throws IOException {
        Files.writeString(temporary.resolve("config.json"), "{\"architectures\": [\"LlamaForCausalLM\"]}");
        byte[] text = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile file =
                new RandomAccessFile(temporary.resolve("model.safetensors").toFile(), "rw")) {
            file.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(text.length)
                    .array());
            file.write(text);
            file.setLength(Long.BYTES + text.length + dataBytes);
        }
        return temporary;
    }

    private static String audited(Path checkpoint, String heap) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        heap,
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Program.class.getName(),
                        checkpoint.toString())
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), printed);
        return printed;
    }
}
