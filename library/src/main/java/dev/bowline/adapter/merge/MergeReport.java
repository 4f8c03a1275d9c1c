package dev.bowline.adapter.merge;

import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.audit.TieAudit;
import dev.bowline.checkpoint.SaveReport;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;

/// A merge that was written, read back, compared with the adapter on its base, and audited.
///
/// @param tieMode the meaning of the adapter on one of two tied modules
/// @param kinds the changes by the kind of their module
/// @param adapterTensors the number of tensors in the adapter's file; each is in the result
/// @param rewritten the number of tensors of the checkpoint that changed, or were converted
/// @param logits the comparison of the logits
/// @param save the written files
/// @param audit of the result
public record MergeReport(
        Path base,
        Path adapter,
        TieMode tieMode,
        SequencedMap<Kind, Changes> kinds,
        int adapterTensors,
        long rewritten,
        LogitsComparison logits,
        SaveReport save,
        TieAudit audit) {

    /// The changes of one kind of module.
    ///
    /// @param modules the number of modules
    /// @param deltas the number of changes: one per module, and one per expert
    /// @param rounding the part that was lost by rounding to the stored dtype
    public record Changes(long modules, long deltas, Rounding rounding) {}

    public MergeReport {
        kinds = Collections.unmodifiableSequencedMap(new TreeMap<>(kinds));
    }

    /// The number of changes: one per module, and one per expert.
    public long deltas() {
        return kinds.values().stream().mapToLong(Changes::deltas).sum();
    }

    /// The part of all changes that was lost by rounding.
    public Rounding rounding() {
        return Rounding.sum(kinds.values().stream().map(Changes::rounding).toList());
    }

    static SequencedMap<Kind, Changes> kinds(List<PlacedChange> changes, List<MergedTensor> tensors) {
        EnumMap<Kind, Rounding> roundings = new EnumMap<>(Kind.class);
        tensors.forEach(tensor ->
                tensor.roundings().forEach((kind, rounding) -> roundings.merge(kind, rounding, Rounding::plus)));
        SequencedMap<Kind, Changes> kinds = new TreeMap<>();
        for (Kind kind : Kind.values()) {
            List<PlacedChange> own =
                    changes.stream().filter(each -> each.kind() == kind).toList();
            if (!own.isEmpty()) {
                long modules = own.stream().map(PlacedChange::module).distinct().count();
                kinds.put(kind, new Changes(modules, own.size(), roundings.getOrDefault(kind, Rounding.NONE)));
            }
        }
        return kinds;
    }
}
