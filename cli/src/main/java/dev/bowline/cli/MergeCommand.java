package dev.bowline.cli;

import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.merge.Merge;
import dev.bowline.adapter.merge.MergeOptions;
import dev.bowline.adapter.merge.MergePlan;
import dev.bowline.adapter.merge.MergeReport;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.report.MergeJson;
import dev.bowline.report.MergeText;
import dev.bowline.tensor.Dtype;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

@CommandLine.Command(
        name = "merge",
        description = {
            "Merges a LoRA adapter into its base model and writes a checkpoint that needs no adapter.",
            "Reads and writes a few rows of one tensor at a time. Compares the logits of the result with those of the"
                    + " adapter on its base, and audits the result, before the directory gets its name; if a check"
                    + " fails, nothing is written."
        },
        footer = {
            "  bowline merge --base models/gemma --adapter out/adapter --out merged",
            "  bowline merge --base models/gemma --adapter out/adapter --out merged --dtype float32",
            "  bowline merge --base models/qwen --adapter head-lora --out merged --tie-mode untie"
        })
final class MergeCommand extends Command {

    @Option(
            names = "--base",
            paramLabel = "DIR",
            required = true,
            description = "The checkpoint directory of the model that the adapter was trained on.")
    private Path base = Path.of("");

    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            required = true,
            description = "The directory of the adapter, with adapter_config.json.")
    private Path adapter = Path.of("");

    @Option(
            names = "--out",
            paramLabel = "DIR",
            required = true,
            description = "Write the result to this new directory.")
    private Path out = Path.of("");

    @Option(
            names = "--dtype",
            paramLabel = "DTYPE",
            converter = DtypeOption.class,
            description = "Dtype of the merged weights: float32 or bfloat16. Default: the dtype of the base.")
    private @Nullable Dtype dtype;

    @Option(
            names = "--tie-mode",
            paramLabel = "MODE",
            converter = TieModeOption.class,
            description = "For an adapter on one of two tied modules: shared changes head and input embedding alike,"
                    + " untie gives each its own values. Default: the mode that the adapter was trained with.")
    private @Nullable TieMode tieMode;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        AtomicDirectory.requireFree(out);
        MergeOptions options = new MergeOptions(
                Optional.ofNullable(dtype), Optional.ofNullable(tieMode), MergeOptions.DEFAULT.progress());
        try (MergePlan plan = Merge.plan(base, adapter, options)) {
            MergeReport report = plan.write(out);
            if (json) {
                console().print(new MergeJson().json(report));
            } else {
                console().print(new MergeText().text(report));
            }
        }
        return ExitCode.SUCCESS;
    }

    /// `shared` or `untie`.
    static final class TieModeOption implements ITypeConverter<TieMode> {

        @Override
        public TieMode convert(String value) {
            return switch (value) {
                case "shared" -> TieMode.SHARED;
                case "untie" -> TieMode.UNTIE;
                default -> throw new TypeConversionException("'%s' is not shared or untie".formatted(value));
            };
        }
    }
}
