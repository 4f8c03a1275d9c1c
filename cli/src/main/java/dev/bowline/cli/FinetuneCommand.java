package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.distributed.Network;
import dev.bowline.distributed.Node;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Rendezvous;
import dev.bowline.memory.MemoryReport;
import dev.bowline.recipe.CheckpointSection;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.report.AdapterText;
import dev.bowline.report.MemoryText;
import dev.bowline.report.Quantity;
import dev.bowline.report.ReportedRun;
import dev.bowline.report.RunJson;
import dev.bowline.report.RunText;
import dev.bowline.tensor.LibtorchProcess;
import dev.bowline.train.FineTuningRun;
import dev.bowline.train.PreparedRun;
import dev.bowline.train.RecipeRanks;
import dev.bowline.train.RunFiles;
import dev.bowline.train.RunListener;
import dev.bowline.train.RunReport;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@CommandLine.Command(
        name = "finetune",
        description = {
            "Fine-tunes a checkpoint with a recipe.",
            "Prints progress to standard error and the outcome to standard output. Writes training.jsonl,"
                    + " validation.jsonl and loadable checkpoints into the recipe's checkpoint directory. Ctrl-C,"
                    + " SIGTERM and SIGHUP finish the step, save, and exit with 130, 143 and 129.",
            "Trains with several processes (ranks) with --nproc, or when torchrun, srun, mpirun or Kubernetes start it"
                    + " as a rank or a machine of a run. Ranks above 0 write logs/rank-N.log in the checkpoint"
                    + " directory. A failed rank makes all start again from the newest checkpoint."
        },
        footer = {
            "  bowline finetune recipe.yaml",
            "  bowline finetune recipe.yaml --set optimizer.lr=1e-4 --set seed=7",
            "  bowline finetune recipe.yaml --set checkpoint.restore_from=LATEST",
            "  bowline finetune recipe.yaml --nproc 2"
        })
final class FinetuneCommand extends Command {

    private static final String RESUME = "checkpoint.restore_from=LATEST";

    @Mixin
    private RecipeArguments recipe = new RecipeArguments();

    @Mixin
    private LaunchOptions ranks = new LaunchOptions();

    @Spec
    private @Nullable CommandSpec spec;

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
        return switch (ranks.launch(System.getenv())) {
            case Launch.OfNode(Node node) -> supervise(recipe.load(), node);
            case Launch.OfRank(Rendezvous place) -> RankProcess.run(System.getenv(), () -> rank(place));
            case Launch.Alone _ -> train(recipe.load());
        };
    }

    private int supervise(RecipeFile file, Node node) {
        Node.requirePlatform();
        CheckpointSection checkpoint = file.recipe().checkpoint();
        DistributedSection section = file.recipe().distributed().orElseGet(DistributedSection::usual);
        Supervisor.Job job = new Supervisor.Job(
                node,
                RankCommand.ofThisProcess(Objects.requireNonNull(spec)),
                checkpoint.checkpointDir(),
                RankLogs.in(checkpoint.logs(), console()),
                section.maxRestarts(),
                RankProcesses.Patience.USUAL);
        return new Supervisor(console(), job).run();
    }

    private int rank(Rendezvous place) {
        Node.requirePlatform();
        RecipeFile file = recipe.load();
        DistributedSection section = file.recipe().distributed().orElseGet(DistributedSection::usual);
        LibtorchProcess.logErrorsOnly();
        RunReport report;
        try (Posix.SilentOutput _ = Posix.silenceOutput();
                ProcessGroup group = ProcessGroup.join(place, Network.of(System.getenv()), section.timeout())) {
            if (group.isFirst()) {
                translated(file).forEach(console()::note);
            }
            report = run(console(), file, memory(), Optional.of(group));
        }
        Fix again = Fix.of(" the same command with ").and(new Remedy.Assign(RESUME));
        if (place.rank() == 0) {
            print(report);
            noteIfStopped(report, again);
        }
        return exitCode(report);
    }

    private int train(RecipeFile file) {
        translated(file).forEach(console()::note);
        RunReport report = run(console(), file, memory());
        print(report);
        noteIfStopped(report, Fix.of("\n    ").and(file.again(RESUME)));
        return exitCode(report);
    }

    private Memory memory() {
        return ignoreEstimate ? Memory.IGNORED : Memory.REQUIRED;
    }

    private void print(RunReport report) {
        if (json) {
            console().print(new RunJson().json(report));
        } else {
            console().print(new RunText().text(report) + AdapterCommands.next(report));
        }
    }

    private static int exitCode(RunReport report) {
        return switch (report.outcome()) {
            case FINISHED -> ExitCode.SUCCESS;
            case STOPPED -> stoppedBy().exitCode();
        };
    }

    /// @param again the command that resumes the run
    private void noteIfStopped(RunReport report, Fix again) {
        switch (report.outcome()) {
            case FINISHED -> {}
            case STOPPED ->
                Commands.lines(stopped(report, again)).forEach(line -> console().note(line.text()));
        }
    }

    /// A run that stops was asked to by a signal; a rank stops with another one that received the signal.
    static Interruption.Cause stoppedBy() {
        return Interruption.first().orElse(Interruption.Cause.SIGTERM);
    }

    private static Fix stopped(RunReport report, Fix again) {
        String stopped = "stopped by " + stoppedBy();
        if (report.lastStep().isEmpty()) {
            return Fix.of(stopped + " before the first step: nothing was trained, so nothing was saved");
        }
        String after =
                "%s after step %d".formatted(stopped, report.lastStep().get().step());
        return report.checkpoint()
                .map(saved ->
                        Fix.of("%s; to resume from %s:".formatted(after, saved)).and(again))
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
        return run(console, file, memory, Optional.empty());
    }

    private static RunReport run(Console console, RecipeFile file, Memory memory, Optional<ProcessGroup> group) {
        try (StopOnSignal signals = StopOnSignal.watch(console)) {
            Recipe recipe = file.recipe();
            PreparedRun prepared =
                    group.map(ranks -> PreparedRun.of(file, ranks)).orElseGet(() -> PreparedRun.of(file));
            // The first rank speaks for all.
            Consumer<String> note = group.map(ProcessGroup::isFirst).orElse(true) ? console::note : _ -> {};
            note.accept(MemoryText.line(prepared.memory()));
            prepared.adapter()
                    .ifPresent(adapter ->
                            note.accept(new AdapterText().text(adapter).stripTrailing()));
            switch (memory) {
                case REQUIRED -> {
                    group.ifPresentOrElse(
                            ranks -> requireMachine(prepared.memory(), file, ranks.worldSize()),
                            () -> requireMemory(
                                    prepared.memory(), recipe.model().pretrainedModel()));
                }
                case IGNORED -> {}
            }
            try (FineTuningRun run = prepared.load()) {
                run.notes().forEach(note);
                note.accept("%s: training %s of %s in %s"
                        .formatted(
                                recipe.model().pretrainedModel(),
                                Quantity.count(run.trainedParameters(), "parameter"),
                                run.loadReport().architecture(),
                                run.loadReport().dtype().configName()));
                if (recipe.logging().report()) {
                    note.accept("report: " + recipe.checkpoint().checkpointDir().resolve(RunFiles.REPORT));
                }
                try (LiveProgress progress = new LiveProgress(console, recipe)) {
                    signals.training(run, recipe.checkpoint());
                    return run(prepared, run, progress);
                } finally {
                    signals.trainable();
                }
            }
        }
    }

    private static RunReport run(PreparedRun prepared, FineTuningRun run, LiveProgress progress) {
        Optional<KubeflowProgress> told = KubeflowProgress.of(System.getenv());
        if (told.isEmpty()) {
            return ReportedRun.of(prepared, run, progress);
        }
        try (KubeflowProgress server = told.get()) {
            return ReportedRun.of(prepared, run, RunListener.all(List.of(progress, server)));
        }
    }

    private static void requireMachine(MemoryReport memory, RecipeFile file, int worldSize) {
        int onMachine = LaunchOptions.localWorldSize(System.getenv());
        RecipeRanks ranks = RecipeRanks.of(file, worldSize, onMachine);
        if (ranks.divided() <= 0) {
            requireMemory(memory, file.recipe().model().pretrainedModel());
        }
        RankMemory.refusal(memory, ranks).ifPresent(refusal -> {
            throw refusal;
        });
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
