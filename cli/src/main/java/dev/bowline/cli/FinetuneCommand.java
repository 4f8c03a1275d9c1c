package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.memory.MemoryReport;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.report.AdapterText;
import dev.bowline.report.MemoryText;
import dev.bowline.report.Quantity;
import dev.bowline.report.RunJson;
import dev.bowline.report.RunText;
import dev.bowline.train.FineTuningRun;
import dev.bowline.train.PreparedRun;
import dev.bowline.train.RunReport;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@CommandLine.Command(
        name = "finetune",
        description = {
            "Fine-tunes a checkpoint with a recipe.",
            "Prints progress to standard error and the outcome to standard output. Writes training.jsonl,"
                    + " validation.jsonl and loadable checkpoints into the recipe's checkpoint directory. Ctrl-C,"
                    + " SIGTERM and SIGHUP finish the step, save, and exit with 130, 143 and 129."
        },
        footer = {
            "  bowline finetune recipe.yaml",
            "  bowline finetune recipe.yaml --set optimizer.lr=1e-4 --set seed=7",
            "  bowline finetune recipe.yaml --set checkpoint.restore_from=LATEST"
        })
final class FinetuneCommand extends Command {

    @Mixin
    private RecipeArguments recipe = new RecipeArguments();

    @Option(names = "--json", description = "Print the outcome as JSON.")
    private boolean json;

    @Option(
            names = "--ignore-memory-estimate",
            description = "Start even if the estimate exceeds the available memory.")
    private boolean ignoreEstimate;

    /// The reaction to an estimate that exceeds the available memory.
    enum Memory {
        REQUIRED,
        IGNORED
    }

    @Override
    public Integer call() {
        RecipeFile file = recipe.load();
        translated(file).forEach(console()::note);
        RunReport report = run(console(), file, ignoreEstimate ? Memory.IGNORED : Memory.REQUIRED);
        if (json) {
            console().print(new RunJson().json(report));
        } else {
            console().print(new RunText().text(report) + AdapterCommands.next(report));
        }
        return switch (report.outcome()) {
            case FINISHED -> ExitCode.SUCCESS;
            case STOPPED -> {
                Commands.lines(stopped(file, report)).forEach(line -> console().note(line.text()));
                yield stoppedBy().exitCode();
            }
        };
    }

    /// A run that stops was asked to by a signal.
    static Interruption.Cause stoppedBy() {
        return Interruption.first().orElse(Interruption.Cause.SIGINT);
    }

    private static Fix stopped(RecipeFile file, RunReport report) {
        String stopped = "stopped by " + stoppedBy();
        if (report.lastStep().isEmpty()) {
            return Fix.of(stopped + " before the first step: nothing was trained, so nothing was saved");
        }
        String after =
                "%s after step %d".formatted(stopped, report.lastStep().get().step());
        return report.checkpoint()
                .map(saved -> Fix.of("%s; to resume from %s:\n    ".formatted(after, saved))
                        .and(file.again("checkpoint.restore_from=LATEST")))
                .orElseGet(() -> Fix.of(after + "; checkpoint.enabled is false, so nothing was saved"));
    }

    /// The notes on AutoModel's keys: a line for each key that is read in another way, one for all without an effect.
    private static List<String> translated(RecipeFile file) {
        List<String> lines = new ArrayList<>();
        List<String> without = new ArrayList<>();
        for (RecipeFile.Note note : file.notes()) {
            switch (note.effect()) {
                case TRANSLATED -> lines.add(Commands.text(note.at()) + ": " + note.text());
                case NONE -> without.add(note.key());
            }
        }
        if (!without.isEmpty()) {
            lines.add("%s without an effect (bowline explain gives the reasons): %s"
                    .formatted(Quantity.count(without.size(), "key"), String.join(", ", without)));
        }
        return lines;
    }

    /// Carries a recipe out, shown on the console, until it is done or the process is asked to end.
    static RunReport run(Console console, RecipeFile file, Memory memory) {
        try (StopOnSignal signals = StopOnSignal.watch(console)) {
            Recipe recipe = file.recipe();
            PreparedRun prepared = PreparedRun.of(file);
            console.note(MemoryText.line(prepared.memory()));
            prepared.adapter()
                    .ifPresent(adapter ->
                            console.note(new AdapterText().text(adapter).stripTrailing()));
            switch (memory) {
                case REQUIRED -> requireMemory(prepared.memory(), recipe.model().pretrainedModel());
                case IGNORED -> {}
            }
            try (FineTuningRun run = prepared.load()) {
                run.notes().forEach(console::note);
                console.note("%s: training %s of %s in %s"
                        .formatted(
                                recipe.model().pretrainedModel(),
                                Quantity.count(run.trainedParameters(), "parameter"),
                                run.loadReport().architecture(),
                                run.loadReport().dtype().configName()));
                try (LiveProgress progress = new LiveProgress(console, recipe)) {
                    signals.training(run, recipe.checkpoint());
                    return run.run(progress);
                } finally {
                    signals.trainable();
                }
            }
        }
    }

    private static void requireMemory(MemoryReport memory, Path model) {
        if (!memory.fits()) {
            List<String> remedies = memory.remedies(set -> "--set " + set);
            throw new BowlineException(
                    memory.problem(model),
                    String.join("\n       or ", remedies) + "\n       or --ignore-memory-estimate to try it unchanged");
        }
    }
}
