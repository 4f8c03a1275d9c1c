package dev.bowline.cli;

import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/// The commands, in the order in which help lists them.
///
/// A command's class is loaded when [#make()] makes it and not before, so that a short command does not pay for the
/// others.
enum CommandName {
    DEMO,
    FINETUNE,
    EXPLAIN,
    DATA,
    GENERATE,
    EVALUATE,
    INSPECT,
    AUDIT,
    REPAIR,
    MERGE,
    VERIFY,
    ADAPTER,
    LOGITS,
    VERSION;

    /// The command that a command line names first; empty when it starts with something else.
    static Optional<CommandName> first(String... arguments) {
        for (CommandName command : values()) {
            if (arguments.length > 0 && arguments[0].equals(command.text())) {
                return Optional.of(command);
            }
        }
        return Optional.empty();
    }

    /// The spelling on the command line.
    String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// True if the command only reads and prints: no tensor, no progress on a terminal, no question.
    boolean isPlain() {
        return switch (this) {
            case AUDIT, REPAIR, ADAPTER, VERSION -> true;
            case DEMO, FINETUNE, EXPLAIN, DATA, GENERATE, EVALUATE, INSPECT, MERGE, VERIFY, LOGITS -> false;
        };
    }

    Command make() {
        Supplier<Command> maker = switch (this) {
            case DEMO -> DemoCommand::new;
            case FINETUNE -> FinetuneCommand::new;
            case EXPLAIN -> ExplainCommand::new;
            case DATA -> DataCommand::new;
            case GENERATE -> GenerateCommand::new;
            case EVALUATE -> EvaluateCommand::new;
            case INSPECT -> InspectCommand::new;
            case AUDIT -> AuditCommand::new;
            case REPAIR -> RepairCommand::new;
            case MERGE -> MergeCommand::new;
            case VERIFY -> VerifyCommand::new;
            case ADAPTER -> AdapterCommand::new;
            case LOGITS -> LogitsCommand::new;
            case VERSION -> VersionCommand::new;
        };
        return maker.get();
    }
}
