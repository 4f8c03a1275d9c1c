package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdapterInspection;
import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.Inspection;
import dev.bowline.json.JsonValue;
import dev.bowline.model.LanguageModel;
import dev.bowline.report.AdapterInspectionJson;
import dev.bowline.report.AdapterInspectionText;
import dev.bowline.report.InspectionJson;
import dev.bowline.report.InspectionText;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "inspect",
        description = {
            "Shows the contents of a checkpoint without reading its weights.",
            "Lists parameters by component (a tied value counts once), the state of the head, and the tensors that a"
                    + " load would train, pass through, ignore or refuse. Exits with 1 if a load would refuse the"
                    + " checkpoint. --adapter adds the modules of an adapter, its ranks, scales and record, and"
                    + " compares the record with the weights, which it reads once. Exits with 1 if the base differs."
        },
        footer = {
            "  bowline inspect models/gemma",
            "  bowline inspect models/gemma --json",
            "  bowline inspect models/gemma --adapter runs/lora/step_100"
        })
final class InspectCommand extends Command {

    @Parameters(paramLabel = "DIR", description = "A Hugging Face checkpoint directory.")
    private Path directory = Path.of("");

    @Mixin
    private AdapterOptions adapters = new AdapterOptions();

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        Inspection inspection;
        Optional<BowlineException> misfit;
        AdapterOptions.Chosen chosen = adapters.of(directory, console());
        List<AdapterInspection> adapted;
        try (Checkpoint checkpoint = Checkpoint.open(chosen.base());
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            inspection = Inspection.of(checkpoint, model);
            misfit = CheckpointLoader.misfit(checkpoint, model);
            adapted = misfit.isEmpty() ? chosen.inspect(model) : List.of();
        }
        if (json) {
            console()
                    .print(new InspectionJson()
                            .json(inspection)
                            .with(
                                    "adapters",
                                    JsonValue.of(adapted.stream()
                                            .map(new AdapterInspectionJson()::json)
                                            .toList())));
        } else {
            console().print(new InspectionText(Commands::typed).text(inspection));
            adapted.forEach(adapter -> console().print("\n" + new AdapterInspectionText().text(adapter)));
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
        adapted.forEach(InspectCommand::requireBase);
        return ExitCode.SUCCESS;
    }

    private static void requireBase(AdapterInspection adapter) {
        switch (adapter.base()) {
            case AdapterInspection.BaseMatch.Same _, AdapterInspection.BaseMatch.NotRecorded _ -> {}
            case AdapterInspection.BaseMatch.Other(String problem, String fix) ->
                throw new BowlineException(problem, fix);
        }
    }
}
