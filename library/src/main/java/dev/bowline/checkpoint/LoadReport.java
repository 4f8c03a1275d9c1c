package dev.bowline.checkpoint;

import dev.bowline.model.Component;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.tensor.Dtype;
import dev.bowline.ties.HeadBytes;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieLedger;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The outcome of a load for every key of the checkpoint and every slot of the model.
///
/// @param dtype the dtype that the model computes in
/// @param filled the slots that have values of their own
/// @param tied the slots that stand for another
/// @param ignored the keys that fill nothing, each with its reason
/// @param passedThrough the keys of parts that Bowline does not compute; a save writes them unchanged
/// @param notes unusual facts of config.json and the names that change nothing, a sentence each
/// @param ties the kind of head, and the evidence that decided it
/// @param ledger every tie, with the hash of its value as read
public record LoadReport(
        Path checkpoint,
        String architecture,
        Dtype dtype,
        List<Filled> filled,
        List<Tied> tied,
        List<Ignored> ignored,
        List<PassedThrough> passedThrough,
        List<String> notes,
        HeadVerdict ties,
        TieLedger ledger) {

    public LoadReport {
        filled = List.copyOf(filled);
        tied = List.copyOf(tied);
        ignored = List.copyOf(ignored);
        passedThrough = List.copyOf(passedThrough);
        notes = List.copyOf(notes);
    }

    /// The memory of a parameter's values.
    public enum Placement {
        /// Memory of its own.
        OWNED,
        /// The mapped file, read-only.
        MAPPED,
        /// Memory of its own, quantised.
        QUANTIZED
    }

    /// @param keys the tensor's name in the files, or the names of the tensors it is made of
    /// @param stored their type there
    /// @param dtype its type in the model, or the type it computes in if it is quantised
    /// @param bytes it takes in the model
    public record Filled(
            String slot,
            Component component,
            List<String> keys,
            SafetensorsType stored,
            Dtype dtype,
            long bytes,
            Placement placement) {

        public Filled {
            keys = List.copyOf(keys);
        }
    }

    /// @param canonical the slot it stands for
    public record Tied(String slot, String canonical) {}

    /// @param bytes it has in the file
    public record Ignored(String key, String reason, long bytes) {}

    /// @param bytes it has in the file
    public record PassedThrough(String key, Component component, long bytes) {}

    /// @param flag the tie that config.json asks for
    /// @param bytes the pair in the files
    /// @param plan how the head was filled
    public record HeadVerdict(TieFlag flag, HeadBytes bytes, HeadBytes.Plan plan) {}

    /// The bytes of the parameters that have memory of their own.
    public long ownedBytes() {
        return bytes(Placement.OWNED) + quantizedBytes();
    }

    /// The bytes of the parameters that are quantised.
    public long quantizedBytes() {
        return bytes(Placement.QUANTIZED);
    }

    /// The bytes of the parameters that use the mapped files.
    public long mappedBytes() {
        return bytes(Placement.MAPPED);
    }

    /// The dtypes in the model of each part that has parameters.
    public Map<Component, Set<Dtype>> dtypes() {
        Map<Component, Set<Dtype>> dtypes = new EnumMap<>(Component.class);
        for (Filled each : filled) {
            dtypes.computeIfAbsent(each.component(), _ -> EnumSet.noneOf(Dtype.class))
                    .add(each.dtype());
        }
        return dtypes;
    }

    private long bytes(Placement placement) {
        return filled.stream()
                .filter(each -> each.placement() == placement)
                .mapToLong(Filled::bytes)
                .sum();
    }
}
