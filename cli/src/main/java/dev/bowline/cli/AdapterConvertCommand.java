package dev.bowline.cli;

import dev.bowline.adapter.format.AdapterConversion;
import dev.bowline.adapter.format.AdapterConversion.Converted;
import dev.bowline.report.ConversionJson;
import dev.bowline.report.ConversionText;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "convert",
        description = {
            "Writes a LoRA adapter anew as PEFT 0.21 writes it.",
            "Reads the experts of PEFT 0.18 and older (A and B exchanged), the grouped experts of NeMo AutoModel, and"
                    + " experts with a pair of matrices for each linear. The shapes tell the layout; an adapter whose"
                    + " layout is not certain is refused without --base. The tensors are counted and read back before"
                    + " the new directory appears."
        },
        footer = {
            "  bowline adapter convert adapter --out converted",
            "  bowline adapter convert adapter --base models/gemma --out converted"
        })
final class AdapterConvertCommand extends GroupedCommand {

    @Parameters(
            paramLabel = "DIR",
            description = "The directory of an adapter: adapter_config.json and adapter_model.safetensors.")
    private Path adapter = Path.of("");

    @Option(names = "--out", paramLabel = "DIR", required = true, description = "Write the adapter to this directory.")
    private Path out = Path.of("");

    @Option(
            names = "--base",
            paramLabel = "DIR",
            description = "The base model. Its tensors are recorded in the new adapter.")
    private @Nullable Path base;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        Converted converted =
                base == null ? AdapterConversion.convert(adapter, out) : AdapterConversion.convert(adapter, out, base);
        if (json) {
            console().print(new ConversionJson().json(converted));
        } else {
            console().print(new ConversionText().text(converted));
        }
        return ExitCode.SUCCESS;
    }
}
