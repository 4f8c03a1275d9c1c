package dev.bowline;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// An operation of Bowline, or a decision for one, that ends a failure or a finding.
public sealed interface Remedy extends Fix.Part {

    /// A repair of a checkpoint: `dev.bowline.audit.repair.Repair`.
    ///
    /// @param target the new directory of the result; empty replaces the checkpoint
    record Repair(Path checkpoint, List<Decision> decisions, Optional<Path> target) implements Remedy {

        public Repair {
            decisions = List.copyOf(decisions);
        }

        /// Returns a repair that replaces the checkpoint.
        public static Repair inPlace(Path checkpoint, Decision... decisions) {
            return new Repair(checkpoint, List.of(decisions), Optional.empty());
        }

        /// Returns a repair that writes its result to a new directory.
        public static Repair into(Path target, Path checkpoint, Decision... decisions) {
            return new Repair(checkpoint, List.of(decisions), Optional.of(target));
        }
    }

    /// An audit of a checkpoint: `dev.bowline.audit.TieAudit`.
    record Audit(Path checkpoint) implements Remedy {}

    /// An audit of the base model together with an adapter: `dev.bowline.audit.AuditOptions`.
    ///
    /// @param base the base model's directory, where the adapter names one that exists
    record AuditAdapter(Optional<Path> base, Path adapter) implements Remedy {}

    /// A merge of an adapter into its base: `dev.bowline.adapter.merge`.
    ///
    /// @param base the base model's directory, where it is known
    record MergeAdapter(Optional<Path> base, Path adapter) implements Remedy {}

    /// An export of an adapter for another program: `dev.bowline.adapter.export.AdapterExport`.
    ///
    /// @param base the base model's directory, where it is known
    /// @param program the program, such as `vllm`
    record ExportAdapter(Optional<Path> base, Path adapter, String program) implements Remedy {}

    /// An adapter written anew in the layout of the current PEFT.
    ///
    /// @param base the base model's directory, where it is known
    record ConvertAdapter(Optional<Path> base, Path adapter) implements Remedy {}

    /// A fine-tuning run of a recipe with some of its keys replaced: `dev.bowline.train.FineTuningRun`.
    ///
    /// @param assignments `key.path=value` each
    record FineTune(Path recipe, List<String> assignments) implements Remedy {

        public FineTune {
            assignments = List.copyOf(assignments);
        }
    }

    /// A decision to give to a repair that was refused without it.
    record Decide(Decision decision) implements Remedy {}

    /// A key of the recipe to set.
    ///
    /// @param assignment `key.path=value`
    record Assign(String assignment) implements Remedy {}

    /// A tie mode to choose for an adapter of one of two tied modules.
    enum TieMode implements Remedy {
        /// One change for both modules.
        SHARED("shared"),
        /// The modules get values of their own.
        UNTIE("untie");

        private final String mode;

        TieMode(String mode) {
            this.mode = mode;
        }

        /// The mode's name in settings and options.
        public String mode() {
            return mode;
        }
    }

    /// A setting of a call.
    enum Setting implements Remedy {
        /// The chat template of a generation, in place of the tokenizer's.
        CHAT_TEMPLATE
    }

    /// A decision about a repair that the files leave to the owner.
    enum Decision {
        /// The head's values stay, the input embedding's are lost.
        KEEP_HEAD("keep the head"),
        /// The input embedding's values stay, the head's are lost.
        KEEP_EMBEDDING("keep the input embedding"),
        /// The model was trained tied.
        TIED("declare it tied"),
        /// The head has its own tensor.
        UNTIED("declare it untied"),
        /// Rows of zeros in the input embedding are computed from the head's rows.
        REBUILD_ROWS("rebuild the rows");

        private final String words;

        Decision(String words) {
            this.words = words;
        }
    }

    /// The operation in words.
    default String words() {
        return switch (this) {
            case Repair repair ->
                "repair %s%s%s"
                        .formatted(
                                repair.checkpoint(),
                                repair.target().map(" into %s"::formatted).orElse(" in place"),
                                repair.decisions().isEmpty()
                                        ? ""
                                        : repair.decisions().stream()
                                                .map(decision -> decision.words)
                                                .collect(Collectors.joining(", ", " (", ")")));
            case Audit(Path checkpoint) -> "audit " + checkpoint;
            case AuditAdapter audit ->
                "audit %s with the adapter %s"
                        .formatted(audit.base().map(Path::toString).orElse("the base model"), audit.adapter());
            case MergeAdapter merge ->
                "merge the adapter %s into %s"
                        .formatted(
                                merge.adapter(),
                                merge.base().map(Path::toString).orElse("the base model"));
            case ExportAdapter export -> "export the adapter %s for %s".formatted(export.adapter(), export.program());
            case ConvertAdapter convert -> "convert the adapter %s to the layout of PEFT".formatted(convert.adapter());
            case FineTune run ->
                "fine-tune with %s and %s".formatted(run.recipe(), String.join(", ", run.assignments()));
            case Decide(Decision decision) -> decision.words;
            case Assign(String assignment) -> "set " + assignment;
            case TieMode mode -> "tie mode " + mode.mode;
            case Setting.CHAT_TEMPLATE -> "a chat template of the call";
        };
    }
}
