package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// The refusal of a directory without safetensors weights: the refusal names what the directory holds instead.
public final class MissingWeights {

    private static final String GGUF_FIX =
            "use the repository that the GGUF file was converted from: it has .safetensors files and a config.json";

    private MissingWeights() {}

    /// @param directory holds neither `model.safetensors` nor its index
    public static BowlineException of(Path directory) {
        if (!Files.isDirectory(directory)) {
            return new BowlineException("there is no directory %s".formatted(directory), "check the path");
        }
        List<String> names = names(directory);
        Optional<PeftAdapter> adapter = PeftAdapter.find(directory);
        if (adapter.isPresent()) {
            return adapter.get().notAModel();
        }
        Optional<String> gguf = first(names, name -> name.endsWith(".gguf"));
        if (gguf.isPresent()) {
            return new BowlineException(
                    "%s holds its weights as GGUF (%s), a format of llama.cpp and Ollama that Bowline does not read"
                            .formatted(directory, gguf.get()),
                    GGUF_FIX);
        }
        Optional<String> pickle =
                first(names, name -> name.endsWith(".bin") || name.endsWith(".pt") || name.endsWith(".pth"));
        if (pickle.isPresent()) {
            return new BowlineException(
                    "%s holds its weights as PyTorch pickles (%s): Bowline never opens those"
                            .formatted(directory, pickle.get()),
                    "use a revision with .safetensors files, or convert it in an environment you trust");
        }
        List<String> others =
                names.stream().filter(name -> name.endsWith(".safetensors")).toList();
        String present = others.isEmpty() ? "" : "; it holds " + String.join(", ", others);
        return new BowlineException(
                "%s has neither %s nor %s%s".formatted(directory, ShardPlan.SINGLE_FILE, ShardIndex.FILE_NAME, present),
                "name the directory that holds the model's weights");
    }

    /// The refusal of a file where a directory is asked for.
    public static BowlineException ofFile(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.endsWith(".gguf")
                ? new BowlineException(
                        "%s is a GGUF file, a format of llama.cpp and Ollama that Bowline does not read"
                                .formatted(file),
                        GGUF_FIX)
                : new BowlineException(
                        "%s is not a directory".formatted(file),
                        "name the directory that holds config.json and the .safetensors files");
    }

    private static Optional<String> first(List<String> names, Predicate<String> isOne) {
        return names.stream().filter(isOne).findFirst();
    }

    private static List<String> names(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            throw new BowlineException(
                    "%s cannot be listed: %s".formatted(directory, e.getMessage()), "check its permissions", e);
        }
    }
}
