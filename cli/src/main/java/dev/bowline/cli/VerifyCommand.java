package dev.bowline.cli;

import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.verify.Verify;
import dev.bowline.adapter.verify.VerifyReport;
import dev.bowline.report.VerifyJson;
import dev.bowline.report.VerifyText;
import dev.bowline.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "verify",
        description = {
            "Proves from the files that a merged checkpoint, an adapter or its export is what it should be.",
            "Compares the tensors with those of the base, and the logits of a text with those of the base and, with"
                    + " --adapter, with those of the adapter on the base. An export is read as its program reads it: by"
                    + " vLLM's names, or as a GGUF file; with --adapter, every delta is compared, expert by expert."
                    + " Weights are read a few rows at a time. Exit code 0: verified; 1: not verified, with reasons."
        },
        footer = {
            "  bowline verify merged --base models/gemma --adapter out/adapter",
            "  bowline verify out/adapter --base models/gemma",
            "  bowline verify served --base models/gemma --adapter out/adapter",
            "  bowline verify merged --base models/gemma --text 'The capital of France is'"
        })
final class VerifyCommand extends Command {

    /// A text with common words, a number and a name, about as long as a prompt.
    private static final String TEXT = "Water boils at 100 degrees Celsius at sea level. Paris is the capital of"
            + " France, and its river is the Seine.";

    @Parameters(
            paramLabel = "DIR",
            description = "The directory of a merged checkpoint, of an adapter or of an export, or a GGUF adapter.")
    private Path directory = Path.of("");

    @Option(
            names = "--base",
            paramLabel = "DIR",
            required = true,
            description = "The checkpoint directory of the model that the adapter was trained on.")
    private Path base = Path.of("");

    @Option(names = "--adapter", paramLabel = "DIR", description = "The adapter that was merged or exported.")
    private @Nullable Path adapter;

    @Option(
            names = "--tie-mode",
            paramLabel = "MODE",
            converter = MergeCommand.TieModeOption.class,
            description = "The tie mode of the merge, for an adapter on one of two tied modules: shared or untie.")
    private @Nullable TieMode tieMode;

    @Option(
            names = "--text",
            paramLabel = "TEXT",
            description = "Compare the logits of this text. Default: a text of two sentences.")
    private String text = TEXT;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        VerifyReport report =
                Verify.of(directory, base, Optional.ofNullable(adapter), Optional.ofNullable(tieMode), ids());
        if (json) {
            console().print(new VerifyJson().json(report));
        } else {
            console().print(new VerifyText().text(report));
        }
        return report.isSound() ? ExitCode.SUCCESS : ExitCode.REFUSED;
    }

    /// The token ids of the text; none for a base without a tokenizer, or if a directory is missing, which is an error.
    private long[] ids() {
        if (!Files.isDirectory(base) || !Files.exists(directory)) {
            return new long[0];
        }
        if (!Files.exists(base.resolve("tokenizer.json"))) {
            console()
                    .note("%s has no tokenizer.json: the logits of token ids from the whole vocabulary are compared."
                            .formatted(base));
            return new long[0];
        }
        try (Tokenizer tokenizer = Tokenizer.open(base)) {
            return Arrays.stream(tokenizer.encode(text)).asLongStream().toArray();
        }
    }
}
