package dev.bowline.cli;

import dev.bowline.adapter.export.AdapterExport;
import dev.bowline.adapter.export.ExportReport;
import dev.bowline.adapter.export.ExportTarget;
import dev.bowline.report.ExportJson;
import dev.bowline.report.ExportText;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

@CommandLine.Command(
        name = "export",
        description = {
            "Writes a LoRA adapter for another program.",
            "peft: the layout of PEFT 0.21. vllm: a pair of matrices per expert, one rank, and the scale multiplied"
                    + " into B. llama.cpp: a GGUF file. ollama: the GGUF file and a Modelfile. An adapter that the"
                    + " program would apply in part or to another tensor is refused."
        },
        footer = {
            "  bowline adapter export adapter --for vllm --base models/gemma --out served",
            "  bowline adapter export adapter --for llama.cpp --base models/llama --out gguf"
        })
final class AdapterExportCommand extends GroupedCommand {

    @Parameters(
            paramLabel = "DIR",
            description = "The directory of an adapter: adapter_config.json and adapter_model.safetensors.")
    private Path adapter = Path.of("");

    @Option(
            names = "--for",
            paramLabel = "PROGRAM",
            required = true,
            converter = Program.class,
            description = "The program: peft, vllm, llama.cpp or ollama.")
    private ExportTarget target = ExportTarget.PEFT;

    @Option(
            names = "--base",
            paramLabel = "DIR",
            required = true,
            description = "The base model, whose class gives the names.")
    private Path base = Path.of("");

    @Option(names = "--out", paramLabel = "DIR", required = true, description = "Write the files to this directory.")
    private Path out = Path.of("");

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        ExportReport report = AdapterExport.write(adapter, base, target, out);
        if (json) {
            console().print(new ExportJson().json(report));
        } else {
            console().print(new ExportText().text(report));
        }
        return ExitCode.SUCCESS;
    }

    /// Programs have a point in their names, which constants of an enum cannot have.
    static final class Program implements ITypeConverter<ExportTarget> {

        @Override
        public ExportTarget convert(String value) {
            return Arrays.stream(ExportTarget.values())
                    .filter(target -> target.text().equals(value))
                    .findFirst()
                    .orElseThrow(() -> new TypeConversionException("'%s' is not one of %s"
                            .formatted(
                                    value,
                                    Arrays.stream(ExportTarget.values())
                                            .map(ExportTarget::text)
                                            .collect(Collectors.joining(", ")))));
        }
    }
}
