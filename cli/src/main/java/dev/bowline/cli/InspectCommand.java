package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.Inspection;
import dev.bowline.model.LanguageModel;
import dev.bowline.report.InspectionJson;
import dev.bowline.report.InspectionText;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "inspect",
        description = {
            "Shows the contents of a checkpoint without reading its weights.",
            "Lists parameters by component (a tied value counts once), the state of the head, and the tensors that a"
                    + " load would train, pass through, ignore or refuse. Exits with 1 if a load would refuse the"
                    + " checkpoint."
        },
        footer = {"  bowline inspect models/gemma", "  bowline inspect models/gemma --json"})
final class InspectCommand extends Command {

    @Parameters(paramLabel = "DIR", description = "A Hugging Face checkpoint directory.")
    private Path directory = Path.of("");

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        Inspection inspection;
        Optional<BowlineException> misfit;
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            inspection = Inspection.of(checkpoint, model);
            misfit = CheckpointLoader.misfit(checkpoint, model);
        }
        if (json) {
            console().print(new InspectionJson().json(inspection));
        } else {
            console().print(new InspectionText(Commands::typed).text(inspection));
        }
        if (misfit.isPresent()) {
            throw misfit.get();
        }
        if (!inspection.refused().isEmpty()) {
            throw new BowlineException(
                    "%s cannot be loaded: %s"
                            .formatted(directory, inspection.refused().getFirst()),
                    "use the config.json that belongs to these weights, or a checkpoint of a supported architecture");
        }
        return ExitCode.SUCCESS;
    }
}
