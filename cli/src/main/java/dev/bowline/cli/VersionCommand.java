package dev.bowline.cli;

import dev.bowline.json.JsonObject;
import dev.bowline.report.Table;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Option;

@CommandLine.Command(
        name = "version",
        description = "Shows the versions of Bowline, libtorch's bindings and Java.",
        footer = {"  bowline version", "  bowline version --json"})
final class VersionCommand extends Command {

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        Properties versions = versions();
        String bowline = versions.getProperty("bowline");
        String pytorch = versions.getProperty("pytorch");
        String natives = versions.getProperty("natives");
        String java = Runtime.version().toString();
        if (json) {
            console()
                    .print(JsonObject.of()
                            .with("bowline", bowline)
                            .with("pytorch", pytorch)
                            .with("natives", natives)
                            .with("java", java));
        } else {
            console()
                    .print("Bowline " + bowline + "\n"
                            + Table.ofFields()
                                    .row("pytorch", pytorch + " (org.bytedeco)")
                                    .row("natives", natives)
                                    .row("java", java)
                                    .text());
        }
        return ExitCode.SUCCESS;
    }

    /// Written by the build.
    private static Properties versions() {
        Properties versions = new Properties();
        try (InputStream file = VersionCommand.class.getResourceAsStream("versions.properties")) {
            versions.load(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return versions;
    }
}
