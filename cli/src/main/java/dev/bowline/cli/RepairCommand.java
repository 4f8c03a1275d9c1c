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
            "Rewrites a checkpoint so that every program reads the same tie, without loss.",
            "Prints the changes and an audit of the result; --apply writes the result. The result is written next to"
                    + " the target, read back and audited before it replaces anything; if the audit fails, the"
                    + " checkpoint is unchanged."
        },
        footer = {
            "  bowline repair models/gemma --out fixed            print the changes",
            "  bowline repair models/gemma --out fixed --apply    write the result",
            "  bowline repair merged --keep head --in-place --apply"
        })
final class RepairCommand extends Command {

    @Parameters(paramLabel = "DIR", description = "A Hugging Face checkpoint directory.")
    private Path directory = Path.of("");

    @Option(names = "--out", paramLabel = "DIR", description = "Write the result to this new directory.")
    private @Nullable Path out;

    @Option(names = "--in-place", description = "Replace the checkpoint.")
    private boolean inPlace;

    @Option(names = "--apply", description = "Write the result. Without --apply, nothing is written.")
    private boolean apply;

    @Option(
            names = "--keep",
            paramLabel = "SIDE",
            description = "Tie a head and an embedding that differ. SIDE is the value to keep: head or embedding.")
    private @Nullable Role keep;

    @Option(names = "--tied", description = "Declare that the model was trained tied.")
    private boolean tied;

    @Option(names = "--untie", description = "Store the head as a separate tensor.")
    private boolean untie;

    @Option(
            names = "--rebuild-rows",
            description = "Compute damaged rows of an untied input embedding from the rows of the head.")
    private boolean rebuildRows;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.@Nullable CommandSpec spec;

    @Override
    public Integer call() {
        if (inPlace == (out != null)) {
            throw usage("expected either --out DIR or --in-place");
        }
        if (tied && untie) {
            throw usage("--tied and --untie cannot be combined");
        }
        Optional<Declare> declare =
                tied ? Optional.of(Declare.TIED) : untie ? Optional.of(Declare.UNTIED) : Optional.empty();
        if (inPlace && apply && Repair.putBack(directory)) {
            console().note("An interrupted repair had moved the original; the original is back in its place.");
        }
        Repair.leftover(out == null ? directory : out)
                .ifPresent(left -> console()
                        .note("An interrupted repair left %s; %s."
                                .formatted(left, apply ? "removed" : "--apply removes it")));
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
            console().print("\nNothing was written; --apply writes the result.\n");
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
