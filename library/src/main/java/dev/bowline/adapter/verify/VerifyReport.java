package dev.bowline.adapter.verify;

import dev.bowline.audit.TieAudit;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The comparison of a checkpoint, or of an adapter, with its base.
///
/// @param directory the verified directory or GGUF file
/// @param kind of the directory
/// @param tensors the comparison of the tensors; empty for an adapter
/// @param adapter the changes of the adapter, where one is given
/// @param logits the comparison of the logits
/// @param audit of the checkpoint; empty for an adapter
/// @param problems the reasons why it is not as it should be, a sentence each; empty for a sound one
public record VerifyReport(
        Path directory,
        Path base,
        Kind kind,
        Optional<Tensors> tensors,
        Optional<AdapterChangesCount> adapter,
        LogitsChange logits,
        Optional<TieAudit> audit,
        List<String> problems) {

    /// The kind of a directory.
    public enum Kind {
        CHECKPOINT,
        ADAPTER,
        /// An adapter with names of vLLM's.
        VLLM_ADAPTER,
        /// A GGUF file.
        GGUF_ADAPTER
    }

    /// The tensors of a checkpoint against those of its base.
    ///
    /// @param unchanged the number of tensors with the values of the base
    /// @param changed the number of tensors with other values
    /// @param changedExperts the number of experts' matrices with other values
    /// @param converted the number of tensors in another dtype, changed or not
    /// @param missing the tensors of the base that the checkpoint lacks
    /// @param added the tensors that the base lacks
    /// @param reshaped the tensors of another shape
    /// @param unexpected the changed tensors that the adapter does not target; empty without an adapter
    public record Tensors(
            long unchanged,
            long changed,
            long changedExperts,
            long converted,
            List<String> missing,
            List<String> added,
            List<String> reshaped,
            List<String> unexpected) {

        public Tensors {
            missing = List.copyOf(missing);
            added = List.copyOf(added);
            reshaped = List.copyOf(reshaped);
            unexpected = List.copyOf(unexpected);
        }
    }

    /// The changes of an adapter.
    ///
    /// @param modules the number of modules that it changes
    /// @param expertDeltas the number of experts' matrices with a delta that is not zero
    /// @param zeroExpertDeltas the number of experts' matrices with a delta that is zero
    /// @param trainedValues the number of its values
    public record AdapterChangesCount(long modules, long expertDeltas, long zeroExpertDeltas, long trainedValues) {}

    /// The logits of a text, computed in float32.
    ///
    /// @param tokens the number of positions
    /// @param effect the largest difference from the base's logits, divided by the largest of them
    /// @param divergence the mean KL divergence of the next-token distributions from those of the base, in nats
    /// @param fromAdapter the largest difference from the base with the adapter, divided by the largest logit;
    ///     empty without an adapter to compare with
    /// @param divergenceFromAdapter the mean KL divergence from the base with the adapter
    public record LogitsChange(
            long tokens,
            double effect,
            double divergence,
            Optional<Double> fromAdapter,
            Optional<Double> divergenceFromAdapter) {}

    public VerifyReport {
        problems = List.copyOf(problems);
    }

    public boolean isSound() {
        return problems.isEmpty();
    }
}
