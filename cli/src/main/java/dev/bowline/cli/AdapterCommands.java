package dev.bowline.cli;

import dev.bowline.train.RunReport;
import java.nio.file.Path;

/// The commands to type after a run that trained an adapter.
final class AdapterCommands {

    private AdapterCommands() {}

    /// The commands for the last saved adapter; empty for a run that trained a model.
    static String next(RunReport report) {
        if (report.base().isEmpty() || report.checkpoint().isEmpty()) {
            return "";
        }
        return "\nNext commands\n" + of(report.base().get(), report.checkpoint().get());
    }

    /// A command per line.
    static String of(Path base, Path adapter) {
        String bowline = "  " + Launcher.quoted(Launcher.name());
        String model = Launcher.quoted(base.toString());
        String with = " \\\n      --adapter " + Launcher.quoted(adapter.toString());
        return bowline + " generate " + model + with + " --chat\n"
                + bowline + " inspect " + model + with + "\n"
                + bowline + " audit " + model + with + "\n"
                + bowline + " merge --base " + model + with + " --out merged\n";
    }
}
