package dev.bowline.cli;

import dev.bowline.audit.Repair;
import dev.bowline.audit.RepairOptions;
import dev.bowline.audit.RepairOptions.Declare;
import dev.bowline.audit.RepairPlan;
import dev.bowline.audit.Role;
import dev.bowline.audit.TieAudit;
import dev.bowline.report.AuditReport;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "repair",
        description = {
            "Makes a checkpoint's tie mean one thing to every consumer, without losing a bit.",
            "Shows what it would do; --apply does it. The result is made beside the target, read back and audited"
                    + " before it takes its place; if that audit fails, nothing has happened."
        },
        footer = {
            "  bowline repair models/gemma --out fixed            show what would be done",
            "  bowline repair models/gemma --out fixed --apply    do it",
            "  bowline repair merged --keep head --in-place --apply"
        })
final class RepairCommand extends Command {

    @Parameters(paramLabel = "DIR", description = "A Hugging Face checkpoint directory.")
    private Path directory = Path.of("");

    @ArgGroup(multiplicity = "1")
    private Where where = new Where();

    @Option(names = "--apply", description = "Write; without it nothing is.")
    private boolean apply;

    @Option(
            names = "--keep",
            paramLabel = "SIDE",
            description = "Tie two values that differ by losing one: head or embedding is the one that stays.")
    private @Nullable Role keep;

    @ArgGroup
    private @Nullable Declared declared;

    private static final class Where {
        @Option(names = "--out", required = true, paramLabel = "DIR", description = "Write the result to this directory.")
        private @Nullable Path out;

        @Option(names = "--in-place", required = true, description = "Replace the checkpoint.")
        private boolean inPlace;
    }

    private static final class Declared {
        @Option(names = "--tied", required = true, description = "Say that it was trained tied.")
        private boolean tied;

        @Option(names = "--untie", required = true, description = "Give the head a tensor of its own.")
        private boolean untie;
    }

    @Override
    public Integer call() {
        Optional<Declare> declare = Optional.ofNullable(declared).map(each -> each.tied ? Declare.TIED : Declare.UNTIED);
        RepairPlan plan = Repair.plan(directory, new RepairOptions(Optional.ofNullable(keep), declare));
        console().print("Before\n" + AuditReport.text(plan.before()) + "\n" + AuditReport.text(plan));
        if (!apply) {
            console().print(plan.changesNothing() ? "" : "\nNothing was written; --apply does it.\n");
            return ExitCode.SUCCESS;
        }
        TieAudit after = where.out == null ? Repair.applyInPlace(plan) : Repair.apply(plan, where.out);
        console().print("\nAfter\n" + AuditReport.text(after));
        return ExitCode.SUCCESS;
    }
}
