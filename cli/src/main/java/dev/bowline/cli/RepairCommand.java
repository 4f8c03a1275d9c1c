package dev.bowline.cli;

import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import dev.bowline.audit.repair.RepairOptions.Declare;
import dev.bowline.audit.repair.RepairPlan;
import dev.bowline.audit.repair.RepairResult;
import dev.bowline.catalog.AutoModelLoad;
import dev.bowline.report.AuditText;
import dev.bowline.report.RepairJson;
import dev.bowline.report.RepairText;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "repair",
        description = {
            "Rewrites a checkpoint so that every consumer reads the same tie, without losing a bit.",
            "Shows the changes and how each consumer would read the result; --apply writes it. The result is"
                    + " written next to the target, read back and audited before it replaces anything; if that audit"
                    + " fails, the checkpoint is unchanged."
        },
        footer = {
            "  bowline repair models/gemma --out fixed            show what would be done",
            "  bowline repair models/gemma --out fixed --apply    do it",
            "  bowline repair merged --keep head --in-place --apply"
        })
final class RepairCommand extends Command {

    @Parameters(paramLabel = "DIR", description = "A Hugging Face checkpoint directory.")
    private Path directory = Path.of("");

    @Option(names = "--out", paramLabel = "DIR", description = "Write the result to this new directory.")
    private @Nullable Path out;

    @Option(names = "--in-place", description = "Replace the checkpoint instead.")
    private boolean inPlace;

    @Option(names = "--apply", description = "Write; without it nothing is.")
    private boolean apply;

    @Option(
            names = "--keep",
            paramLabel = "SIDE",
            description = "Tie two values that differ by losing one: head or embedding is the one that stays.")
    private @Nullable Role keep;

    @Option(names = "--tied", description = "Say that it was trained tied.")
    private boolean tied;

    @Option(names = "--untie", description = "Give the head a tensor of its own.")
    private boolean untie;

    @Option(
            names = "--rebuild-rows",
            description = "Make up dead rows of an untied input embedding from the head's rows.")
    private boolean rebuildRows;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.@Nullable CommandSpec spec;

    @Override
    public Integer call() {
        if (inPlace == (out != null)) {
            throw usage("say where the result goes: either --out DIR or --in-place");
        }
        if (tied && untie) {
            throw usage("--tied and --untie exclude each other");
        }
        Optional<Declare> declare =
                tied ? Optional.of(Declare.TIED) : untie ? Optional.of(Declare.UNTIED) : Optional.empty();
        if (inPlace && apply && Repair.putBack(directory)) {
            console().note("An interrupted repair had left the original aside; it is back in its place.");
        }
        Repair.leftover(out == null ? directory : out)
                .ifPresent(left -> console()
                        .note("An interrupted repair left %s; %s."
                                .formatted(left, apply ? "it is removed" : "--apply removes it")));
        RepairOptions options = new RepairOptions(Optional.ofNullable(keep), declare, rebuildRows);
        RepairPlan plan = Repair.plan(directory, options.with(new AutoModelLoad()));
        if (inPlace) {
            plan.requireInPlace();
        }
        if (json) {
            Optional<TieAudit> made = apply ? Optional.of(applied(plan)) : Optional.empty();
            console().print(new RepairJson(Commands::named).json(new RepairResult(plan, made)));
            return ExitCode.SUCCESS;
        }
        AuditText audits = new AuditText(Commands::typed);
        console().print("Before\n" + audits.text(plan.before()) + "\n" + new RepairText().text(plan));
        if (apply) {
            console().print("\nAfter\n" + audits.text(applied(plan)));
        } else if (!plan.changesNothing()) {
            console().print("\nAfter\n" + audits.text(plan.after()));
            console().print("\nNothing was written; --apply does it.\n");
        }
        return ExitCode.SUCCESS;
    }

    private TieAudit applied(RepairPlan plan) {
        return out == null ? Repair.applyInPlace(plan) : Repair.apply(plan, out);
    }

    private CommandLine.ParameterException usage(String problem) {
        return new CommandLine.ParameterException(Objects.requireNonNull(spec).commandLine(), problem);
    }
}
