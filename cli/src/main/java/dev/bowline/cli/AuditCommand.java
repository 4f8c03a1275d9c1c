package dev.bowline.cli;

import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.CheckpointTree;
import dev.bowline.audit.Severity;
import dev.bowline.report.AuditHtml;
import dev.bowline.report.AuditJson;
import dev.bowline.report.AuditReport;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "audit",
        description = {
            "Shows what each consumer will make of a checkpoint's head and embedding.",
            "Reads config.json, the headers and the bytes of the two tensors; any architecture, no model code."
                    + " Exits with 0 clean, 1 low or medium, 2 high, 3 critical, 4 unreadable."
        },
        footer = {
            "  bowline audit models/gemma",
            "  bowline audit models --fail-on high           a tree of them, in CI",
            "  bowline audit merged --base models/gemma      which side moved",
            "  bowline audit models/gemma --adapter lora     what a merge would do"
        })
final class AuditCommand extends Command {

    @Parameters(
            paramLabel = "PATH",
            arity = "1..*",
            description = "A checkpoint directory, a tree of them, or one .safetensors file.")
    private List<Path> paths = List.of();

    @Option(names = "--base", paramLabel = "DIR", description = "The checkpoint it was made from.")
    private @Nullable Path base;

    @Option(names = "--adapter", paramLabel = "DIR", description = "A PEFT adapter that is to be merged into it.")
    private @Nullable Path adapter;

    @Option(names = "--json", description = "Print JSON; docs/audit.schema.json describes it.")
    private boolean json;

    @Option(names = "--html", paramLabel = "FILE", description = "Write one self-contained page, and print the text.")
    private @Nullable Path html;

    @Option(
            names = "--fail-on",
            paramLabel = "LEVEL",
            description = "Exit with 0 below this severity: low, medium, high or critical.")
    private Severity failOn = Severity.LOW;

    @Override
    public Integer call() {
        AuditOptions options = new AuditOptions(Optional.ofNullable(base), Optional.ofNullable(adapter));
        List<AuditOutcome> outcomes = paths.stream()
                .flatMap(path -> CheckpointTree.find(path).stream())
                .map(path -> AuditOutcome.of(path, options))
                .toList();
        if (html != null) {
            AuditHtml.write(outcomes, html);
        }
        if (json) {
            console().print(AuditJson.json(outcomes));
        } else {
            console().print(AuditReport.text(outcomes));
        }
        return outcomes.stream().mapToInt(this::exitCode).max().orElse(ExitCode.SUCCESS);
    }

    private int exitCode(AuditOutcome outcome) {
        return switch (outcome) {
            case AuditOutcome.Unreadable unreadable -> unreadable.exitCode();
            case AuditOutcome.Audited audited ->
                audited.audit().worst().filter(worst -> worst.isAtLeast(failOn)).isPresent() ? audited.exitCode() : 0;
        };
    }
}
