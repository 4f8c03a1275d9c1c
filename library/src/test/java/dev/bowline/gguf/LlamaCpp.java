package dev.bowline.gguf;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A real llama.cpp, in a process of its own: it aborts the process on some inputs, and it does not end by itself.
public final class LlamaCpp {

    private static final String NO_ADAPTER = "-";

    /// A model and perhaps an adapter, to be loaded together.
    public record Load(Path model, Optional<Path> adapter) {

        public Load(Path model) {
            this(model, Optional.empty());
        }

        public Load(Path model, Path adapter) {
            this(model, Optional.of(adapter));
        }
    }

    private LlamaCpp() {}

    /// The greedy continuations of `prompt`, one of each load; one line with the failure where llama.cpp refuses.
    ///
    /// @param directory for the native library
    public static List<String> complete(Path directory, String prompt, int tokens, Load... loads)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-Djava.io.tmpdir=" + directory.toAbsolutePath(),
                "-cp",
                System.getProperty("java.class.path"),
                LlamaCpp.class.getName(),
                prompt,
                String.valueOf(tokens)));
        for (Load load : loads) {
            command.add(load.model().toString());
            command.add(load.adapter().map(Path::toString).orElse(NO_ADAPTER));
        }
        Process process = new ProcessBuilder(command)
                .redirectError(directory.resolve("child.log").toFile())
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output.lines()
                .filter(line -> line.startsWith("> "))
                .map(line -> line.substring(2))
                .toList();
    }

    public static void main(String[] arguments) {
        for (int at = 2; at < arguments.length; at += 2) {
            System.out.println("> " + completed(arguments, at).replace("\n", "\\n"));
            System.out.flush();
        }
        // The library's own threads never end.
        Runtime.getRuntime().halt(0);
    }

    @SuppressWarnings("resource") // Closing it never returns.
    private static String completed(String[] arguments, int at) {
        ModelParameters parameters = new ModelParameters()
                .setModel(arguments[at])
                .setCtxSize(64)
                .setThreads(1)
                .setThreadsBatch(1)
                .skipWarmup();
        if (!arguments[at + 1].equals(NO_ADAPTER)) {
            parameters.addLoraAdapter(arguments[at + 1]);
        }
        try {
            InferenceParameters greedy = new InferenceParameters(arguments[0])
                    .setNPredict(Integer.parseInt(arguments[1]))
                    .setTemperature(0)
                    .setCachePrompt(false);
            StringBuilder text = new StringBuilder();
            for (LlamaOutput output : new LlamaModel(parameters).generate(greedy)) {
                text.append(output.text);
            }
            return text.toString();
        } catch (RuntimeException e) {
            return "refused: " + e.getMessage();
        }
    }
}
