package dev.bowline.cli;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.recipe.Origin;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The operations in fixes, spelled as commands and options of this program.
final class Commands {

    /// One line of a fix.
    ///
    /// @param isCommand whether a command begins the line, so that the line must stay whole to be pasted
    record Line(String text, boolean isCommand) {}

    private Commands() {}

    /// The operation as the person who called this program would type it.
    static String typed(Remedy remedy) {
        return spelled(remedy, Launcher.quoted(Launcher.name()));
    }

    /// The operation under the program's own name, for output that outlives the terminal.
    static String named(Remedy remedy) {
        return spelled(remedy, "bowline");
    }

    /// The lines of a fix, as typed.
    static List<Line> lines(Fix fix) {
        List<Line> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        boolean isCommand = false;
        for (Fix.Part part : fix.parts()) {
            switch (part) {
                case Fix.Words(String text) -> {
                    String[] pieces = text.split("\n", -1);
                    line.append(pieces[0]);
                    for (int i = 1; i < pieces.length; i++) {
                        lines.add(new Line(line.toString(), isCommand));
                        line = new StringBuilder(pieces[i]);
                        isCommand = false;
                    }
                }
                case Remedy remedy -> {
                    isCommand |= line.toString().isBlank() && isCommand(remedy);
                    line.append(typed(remedy));
                }
            }
        }
        lines.add(new Line(line.toString(), isCommand));
        return lines;
    }

    /// The origin of a value of a recipe.
    static String text(Origin origin) {
        return switch (origin) {
            case Origin.OnFlag(String assignment) -> "--set " + assignment;
            case Origin.InFile _, Origin.InProgram _, Origin.Default _, Origin.AutoModelDefault _ -> origin.toString();
        };
    }

    private static boolean isCommand(Remedy remedy) {
        return switch (remedy) {
            case Remedy.Repair _,
                    Remedy.Audit _,
                    Remedy.AuditAdapter _,
                    Remedy.MergeAdapter _,
                    Remedy.ExportAdapter _,
                    Remedy.ConvertAdapter _,
                    Remedy.FineTune _ -> true;
            case Remedy.Decide _, Remedy.Assign _, Remedy.TieMode _, Remedy.Setting _ -> false;
        };
    }

    private static String spelled(Remedy remedy, String program) {
        return switch (remedy) {
            case Remedy.Repair repair -> repair(repair, program);
            case Remedy.Audit(Path checkpoint) -> "%s audit %s".formatted(program, quoted(checkpoint));
            case Remedy.AuditAdapter audit ->
                "%s audit %s --adapter %s".formatted(program, base(audit.base()), quoted(audit.adapter()));
            case Remedy.MergeAdapter merge ->
                "%s merge --base %s --adapter %s --out MERGED"
                        .formatted(program, base(merge.base()), quoted(merge.adapter()));
            case Remedy.ExportAdapter export ->
                "%s adapter export %s --for %s --base %s --out EXPORTED"
                        .formatted(program, quoted(export.adapter()), export.program(), base(export.base()));
            case Remedy.ConvertAdapter convert ->
                "%s adapter convert %s%s --out CONVERTED"
                        .formatted(
                                program,
                                quoted(convert.adapter()),
                                convert.base()
                                        .map(each -> " --base " + quoted(each))
                                        .orElse(""));
            case Remedy.FineTune run -> {
                StringBuilder command = new StringBuilder("%s finetune %s".formatted(program, quoted(run.recipe())));
                run.assignments().forEach(set -> command.append(" --set ").append(Launcher.quoted(set)));
                yield command.toString();
            }
            case Remedy.Decide(Remedy.Decision decision) -> option(decision);
            case Remedy.Assign(String assignment) -> "--set " + assignment;
            case Remedy.TieMode mode -> "--tie-mode " + mode.mode();
            case Remedy.Setting.CHAT_TEMPLATE -> "--chat-template";
        };
    }

    private static String repair(Remedy.Repair repair, String program) {
        StringBuilder command = new StringBuilder("%s repair %s".formatted(program, quoted(repair.checkpoint())));
        repair.decisions().forEach(decision -> command.append(' ').append(option(decision)));
        command.append(repair.target().map(target -> " --out " + quoted(target)).orElse(" --in-place"));
        return command.append(" --apply").toString();
    }

    private static String option(Remedy.Decision decision) {
        return switch (decision) {
            case KEEP_HEAD -> "--keep head";
            case KEEP_EMBEDDING -> "--keep embedding";
            case TIED -> "--tied";
            case UNTIED -> "--untie";
            case REBUILD_ROWS -> "--rebuild-rows";
        };
    }

    private static String base(Optional<Path> base) {
        return base.map(Commands::quoted).orElse("BASE");
    }

    private static String quoted(Path path) {
        return Launcher.quoted(path.toString());
    }
}
