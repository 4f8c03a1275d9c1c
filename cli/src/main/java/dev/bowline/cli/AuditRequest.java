package dev.bowline.cli;

import dev.bowline.Fix;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.AuditSummary;
import dev.bowline.audit.CheckpointTree;
import dev.bowline.audit.findings.Severity;
import dev.bowline.catalog.AutoModelLoad;
import dev.bowline.report.AuditHtml;
import dev.bowline.report.AuditJson;
import dev.bowline.report.AuditText;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The arguments of one audit.
///
/// @param html where one page goes besides
/// @param failOn the least severity that counts in the exit code
record AuditRequest(List<Path> paths, AuditOptions options, Format format, Optional<Path> html, Severity failOn) {

    /// The format of the output.
    enum Format {
        TEXT,
        JSON
    }

    AuditRequest {
        paths = List.copyOf(paths);
    }

    /// The request of a command line that uses each option with its full name and once; empty for any other,
    /// which is for [AuditCommand] to read or to refuse.
    ///
    /// An audit is asked for again and again, by hooks and scripts. The parser of command lines takes as long
    /// to load as everything else an audit does: its class files are of a version that Java keeps in no
    /// start-up file.
    static Optional<AuditRequest> ofPlain(String... arguments) {
        List<Path> paths = new ArrayList<>();
        Optional<Path> base = Optional.empty();
        Optional<Path> adapter = Optional.empty();
        Optional<Path> html = Optional.empty();
        Optional<Severity> failOn = Optional.empty();
        Format format = Format.TEXT;
        if (arguments.length == 0 || !arguments[0].equals(CommandName.AUDIT.text())) {
            return Optional.empty();
        }
        for (int i = 1; i < arguments.length; i++) {
            String argument = arguments[i];
            if (isValue(argument)) {
                paths.add(Path.of(argument));
            } else if (argument.equals("--json") && format == Format.TEXT) {
                format = Format.JSON;
            } else if (i + 1 < arguments.length && isValue(arguments[i + 1])) {
                String value = arguments[++i];
                if (argument.equals("--base") && base.isEmpty()) {
                    base = Optional.of(Path.of(value));
                } else if (argument.equals("--adapter") && adapter.isEmpty()) {
                    adapter = Optional.of(Path.of(value));
                } else if (argument.equals("--html") && html.isEmpty()) {
                    html = Optional.of(Path.of(value));
                } else if (argument.equals("--fail-on")
                        && failOn.isEmpty()
                        && severity(value).isPresent()) {
                    failOn = severity(value);
                } else {
                    return Optional.empty();
                }
            } else {
                return Optional.empty();
            }
        }
        return paths.isEmpty()
                ? Optional.empty()
                : Optional.of(new AuditRequest(
                        paths,
                        new AuditOptions(base, adapter).with(new AutoModelLoad()),
                        format,
                        html,
                        failOn.orElse(Severity.LOW)));
    }

    private static boolean isValue(String argument) {
        return !argument.isEmpty() && argument.charAt(0) != '-' && argument.charAt(0) != '@';
    }

    private static Optional<Severity> severity(String name) {
        for (Severity severity : Severity.values()) {
            if (severity.name().equals(name.toUpperCase(Locale.ROOT))) {
                return Optional.of(severity);
            }
        }
        return Optional.empty();
    }

    /// @return the exit code
    int run(Console console) {
        List<AuditOutcome> outcomes = paths.stream()
                .flatMap(path -> CheckpointTree.find(path).stream())
                .map(path -> audited(path, options))
                .toList();
        html.ifPresent(file -> HtmlFile.write(
                file,
                new AuditHtml(Commands::named, ZonedDateTime.now(ZoneId.systemDefault()))
                        .html(AuditSummary.of(outcomes))));
        switch (format) {
            case JSON -> console.print(new AuditJson(Commands::named).json(outcomes));
            case TEXT -> console.print(new AuditText(Commands::typed).text(outcomes));
        }
        return outcomes.stream().mapToInt(this::exitCode).max().orElse(ExitCode.SUCCESS);
    }

    /// One that needs more memory than there is does not end the audit of the others.
    private static AuditOutcome audited(Path path, AuditOptions options) {
        try {
            return AuditOutcome.of(path, options);
        } catch (OutOfMemoryError _) {
            return new AuditOutcome.Unreadable(
                    path, path + " needs more memory than Java was given", Fix.of(SystemFailures.MORE_MEMORY));
        }
    }

    private int exitCode(AuditOutcome outcome) {
        return switch (outcome) {
            case AuditOutcome.Unreadable unreadable -> unreadable.exitCode();
            case AuditOutcome.Audited audited ->
                audited.audit().worst().filter(worst -> worst.isAtLeast(failOn)).isPresent() ? audited.exitCode() : 0;
        };
    }
}
