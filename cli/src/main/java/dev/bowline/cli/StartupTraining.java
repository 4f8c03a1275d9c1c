package dev.bowline.cli;

import dev.bowline.files.DurableFiles;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/// The run that the launcher records once after a build, so that later starts load linked classes from a file.
///
/// It runs the plain commands on a checkpoint of two small tensors that it writes and removes.
final class StartupTraining {

    private static final List<Long> SHAPE = List.of(64L, 32L);

    private StartupTraining() {}

    /// Prints what the commands print, and returns as a program does, unlike [Bowline#main].
    public static void main(String[] arguments) throws IOException {
        Console console = Console.ofStreams();
        Path directory = Files.createTempDirectory("bowline-startup");
        try {
            Path tied = checkpoint(directory.resolve("tied"), "LlamaForCausalLM", List.of());
            Path diverged = checkpoint(directory.resolve("diverged"), "Gemma3ForCausalLM", List.of("lm_head.weight"));
            Bowline.run(console, "audit", tied.toString(), "--json");
            Bowline.run(console, "audit", directory.toString());
            Bowline.run(console, "audit", diverged.toString(), "--base", tied.toString(), "--json");
            Bowline.run(console, "audit", directory.resolve("absent").toString());
            Bowline.run(console, "audit", "--help");
            Bowline.run(console, "repair", diverged.toString(), "--out", directory.resolve("out") + "", "--apply");
            Bowline.run(console, "version");
        } finally {
            DurableFiles.deleteRecursively(directory);
        }
    }

    /// @param heads names of tensors that are not the embedding
    private static Path checkpoint(Path directory, String architecture, List<String> heads) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(
                directory.resolve("config.json"),
                ("{\"architectures\": [\"%s\"], \"vocab_size\": %d, \"tie_word_embeddings\": true, \"hidden_size\": %d,"
                                + " \"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"num_key_value_heads\": 2,"
                                + " \"head_dim\": 16, \"intermediate_size\": 32, \"hidden_act\": \"silu\","
                                + " \"rms_norm_eps\": 1e-6, \"max_position_embeddings\": 64, \"rope_theta\": 10000.0}")
                        .formatted(architecture, SHAPE.getFirst(), SHAPE.getLast()));
        Stream<TensorSource> tensors = Stream.concat(Stream.of("model.embed_tokens.weight"), heads.stream())
                .map(StartupTraining::tensor);
        SafetensorsWriter.write(
                directory.resolve("model.safetensors"), tensors.toList(), Map.of("format", "pt"), Set.of());
        return directory;
    }

    private static TensorSource tensor(String name) {
        byte[] bytes = new byte[(int) (SHAPE.get(0) * SHAPE.get(1) * SafetensorsType.BF16.bytes())];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i % 61 + name.length());
        }
        return new TensorSource(name, SafetensorsType.BF16, SHAPE, TensorBytes.of(MemorySegment.ofArray(bytes)));
    }
}
