package dev.bowline.cli;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/// The group of commands that read an adapter and write another.
@CommandLine.Command(
        name = "adapter",
        description = "Converts LoRA adapters of PEFT and NeMo AutoModel, and exports them for other programs.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {AdapterConvertCommand.class, AdapterExportCommand.class},
        footer = {
            "  bowline adapter convert adapter --base models/gemma --out converted",
            "  bowline adapter export adapter --for vllm --base models/gemma --out served"
        })
final class AdapterCommand extends Command {

    @CommandLine.Spec
    private CommandLine.Model.@Nullable CommandSpec spec;

    @Override
    public Integer call() {
        CommandLine line = Objects.requireNonNull(spec).commandLine();
        throw new CommandLine.ParameterException(
                line,
                "no command was given; there are "
                        + String.join(", ", line.getSubcommands().keySet()));
    }
}
