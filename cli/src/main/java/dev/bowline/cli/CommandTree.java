package dev.bowline.cli;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/// The commands and what happens around each: parsing, failures, exit codes.
final class CommandTree {

    private CommandTree() {}

    /// Runs one command line.
    ///
    /// @return the exit code
    static int run(Console console, String... arguments) {
        List<CommandName> commands = CommandName.first(arguments).map(List::of).orElse(List.of(CommandName.values()));
        return commandLine(console, commands).execute(arguments);
    }

    /// All of them, for whoever wants to see what there is.
    static CommandLine commandLine(Console console) {
        return commandLine(console, List.of(CommandName.values()));
    }

    /// @param commands those that can be called; a command line that names one needs no other
    private static CommandLine commandLine(Console console, List<CommandName> commands) {
        Root root = new Root();
        root.console = console;
        CommandLine line = new CommandLine(root);
        addHelp(line);
        for (CommandName command : commands) {
            CommandLine subcommand = new CommandLine(command.make());
            addHelp(subcommand);
            for (CommandLine member : subcommand.getSubcommands().values()) {
                addHelp(member);
                HelpText.install(member);
            }
            EnumOption.register(subcommand);
            subcommand.registerConverter(Path.class, CommandTree::path);
            line.addSubcommand(subcommand);
            HelpText.install(subcommand);
        }
        HelpText.install(line);
        line.setCommandName(Launcher.shortName());
        // Settings reach the subcommands that are there when they are made.
        return line.setOut(console.out())
                .setErr(console.err())
                // `--prompt @home` is a prompt and no file of arguments.
                .setExpandAtFiles(false)
                .setUsageHelpWidth(HelpText.WIDTH)
                .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
                .setParameterExceptionHandler((failure, _) -> Failures.usage(console, failure))
                .setExecutionExceptionHandler((failure, _, _) -> Failures.report(console, failure, root.trace()));
    }

    private static Path path(String argument) {
        try {
            return Path.of(argument);
        } catch (InvalidPathException e) {
            throw new CommandLine.TypeConversionException("%s; %s"
                    .formatted(
                            SystemFailures.noPath(e).problem(),
                            SystemFailures.noPath(e).fix()));
        }
    }

    private static void addHelp(CommandLine line) {
        line.getCommandSpec()
                .usageMessage()
                .sortOptions(false)
                .descriptionHeading("%n")
                .parameterListHeading("%nArguments:%n")
                .optionListHeading("%nOptions:%n")
                .commandListHeading("%nCommands:%n")
                .footerHeading("%nExamples:%n");
        line.getCommandSpec()
                .addOption(OptionSpec.builder("-h", "--help")
                        .usageHelp(true)
                        .description("Show this help and exit.")
                        .build());
    }

    @CommandLine.Command(
            name = "bowline",
            description = "Fine-tunes Hugging Face language models on the JVM and keeps tied weights tied.",
            synopsisSubcommandLabel = "COMMAND",
            subcommands = HelpCommand.class,
            footer = {
                "  bowline demo                              fine-tune a model that ships along",
                "  bowline finetune recipe.yaml              fine-tune with a recipe",
                "  bowline generate DIR --prompt 'Hello'     generate text",
                "",
                "'bowline COMMAND --help' shows a command's options and examples.",
                "Exit codes: 0 success, 1 wrong input, 64 wrong usage, 70 a bug in Bowline,",
                "75 another rank failed, 129, 130 or 143 ended by SIGHUP, Ctrl-C or SIGTERM;",
                "audit --help lists its own."
            })
    static final class Root implements Runnable {

        private @Nullable Console console;

        @Option(
                names = "--stacktrace",
                scope = ScopeType.INHERIT,
                description = "Print the Java stack trace of a failure.")
        private boolean stacktrace;

        @CommandLine.Spec
        private CommandLine.Model.@Nullable CommandSpec spec;

        Console console() {
            return Objects.requireNonNull(console);
        }

        Failures.Trace trace() {
            return stacktrace ? Failures.Trace.SHOWN : Failures.Trace.HIDDEN;
        }

        @Override
        public void run() {
            CommandLine line = Objects.requireNonNull(spec).commandLine();
            throw new CommandLine.ParameterException(
                    line,
                    "no command was given; there are "
                            + String.join(
                                    ", ",
                                    line.getSubcommands().keySet().stream()
                                            .filter(name -> !name.equals("help"))
                                            .toList()));
        }
    }
}
