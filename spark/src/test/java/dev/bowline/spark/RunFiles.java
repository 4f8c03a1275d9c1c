package dev.bowline.spark;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/// A recipe over the demo's model, and the files that its runs write.
///
/// @param directory of the recipe
record RunFiles(Path directory) {

    private static final Path MODEL = Path.of("..", "cli", "src", "main", "resources", "demo", "model")
            .toAbsolutePath()
            .normalize();

    /// A recipe without rows.
    Path recipe(int steps, int stepsOfCheckpoint) throws IOException {
        return Files.writeString(directory.resolve("recipe.yaml"), """
                model: {pretrained_model_name_or_path: %s, torch_dtype: float32}
                dataset: {seq_length: 64}
                step_scheduler: {global_batch_size: 2, local_batch_size: 1, max_steps: %d, ckpt_every_steps: %d}
                optimizer: {lr: 1e-3}
                """.formatted(MODEL, steps, stepsOfCheckpoint));
    }

    /// The assignment that gives a run a directory of its own.
    String in(String run) {
        return "checkpoint.checkpoint_dir=" + directory.resolve(run);
    }

    Path file(String name) {
        return directory.resolve(name);
    }

    /// The hash of the weights, and that of the optimizer's state.
    String hashes(String checkpoint) throws IOException {
        return sha256(file(checkpoint).resolve("model.safetensors")) + " "
                + sha256(file(checkpoint).resolve("optimizer.safetensors"));
    }

    private static String sha256(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /// Questions and answers, in the order of the questions.
    static Dataset<Row> rows(SparkSession spark) {
        StructType schema = new StructType().add("prompt", "string").add("completion", "string");
        return spark.createDataFrame(
                        questions()
                                .map(question -> RowFactory.create(question, answer(question)))
                                .toList(),
                        schema)
                .coalesce(1);
    }

    /// The same as a table of JSON lines, in another order, with a row that has no answer.
    Path table() throws IOException {
        List<String> lines = new ArrayList<>(questions()
                .map(question -> JsonObject.of().with("prompt", question).with("completion", answer(question)))
                .map(Json::compact)
                .toList());
        lines.add("{\"prompt\": \"ISO date for 00 May?\", \"completion\": \"\"}");
        return Files.write(directory.resolve("answers.jsonl"), lines.reversed());
    }

    private static Stream<String> questions() {
        return IntStream.range(1, 25).mapToObj("ISO date for %02d May 2031?"::formatted);
    }

    private static String answer(String question) {
        return "2031-05-" + question.substring(13, 15);
    }

    /// Waits until a run has written a file.
    void await(String name) {
        try {
            while (Files.notExists(file(name))) {
                Thread.sleep(10);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /// A process that this one started, directly or not, whose command line has both words.
    static ProcessHandle process(String word, String other) {
        return ProcessHandle.current()
                .descendants()
                .filter(process -> commandLine(process).contains(word)
                        && environment(process).contains(other))
                .findFirst()
                .orElseThrow();
    }

    static long processes(String word) {
        return ProcessHandle.current()
                .descendants()
                .filter(process -> commandLine(process).contains(word))
                .count();
    }

    private static String commandLine(ProcessHandle process) {
        return read(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
    }

    private static String environment(ProcessHandle process) {
        return read(Path.of("/proc", Long.toString(process.pid()), "environ"));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file).replace('\0', ' ');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
