package dev.bowline.cli;

import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.findings.Severity;
import dev.bowline.catalog.AutoModelLoad;
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
            "Shows which head and input embedding each program gets from a checkpoint.",
            "Reads config.json, the headers and the values of both tensors; works for any architecture."
                    + " Exit codes: 0 clean, 1 low or medium, 2 high, 3 critical, 4 unreadable."
        },
        footer = {
            "  bowline audit models/gemma",
            "  bowline audit models --fail-on high           all checkpoints, in CI",
            "  bowline audit merged --base models/gemma      changes since the base",
            "  bowline audit models/gemma --adapter lora     effect of a merge"
        })
final class AuditCommand extends Command {

    @Parameters(
            paramLabel = "PATH",
            arity = "1..*",
            description = "A checkpoint directory, a directory tree with checkpoints, or a safetensors file.")
    private List<Path> paths = List.of();

    @Option(names = "--base", paramLabel = "DIR", description = "The base model, to show which tensor changed.")
    private @Nullable Path base;

    @Option(names = "--adapter", paramLabel = "DIR", description = "A PEFT adapter, to show the effect of merging it.")
    private @Nullable Path adapter;

    @Option(names = "--json", description = "Print JSON; docs/audit.schema.json describes it.")
    private boolean json;

    @Option(names = "--html", paramLabel = "FILE", description = "Also write the report as one HTML page.")
    private @Nullable Path html;

    @Option(
            names = "--fail-on",
            paramLabel = "LEVEL",
            description = "Exit with 0 if all findings are below this severity: low, medium, high or critical.")
    private Severity failOn = Severity.LOW;

    @Override
    public Integer call() {
        return request().run(console());
    }

    AuditRequest request() {
        return new AuditRequest(
                paths,
                new AuditOptions(Optional.ofNullable(base), Optional.ofNullable(adapter)).with(new AutoModelLoad()),
                json ? AuditRequest.Format.JSON : AuditRequest.Format.TEXT,
                Optional.ofNullable(html),
                failOn);
    }
}
