package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.statedict.KeyGroup;
import dev.bowline.statedict.KeyMap;
import dev.bowline.tensor.Dtype;
import dev.bowline.ties.HeadBytes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/// Everything that a load decides before it copies a byte: whether the checkpoint fits the model, and how the
/// head is filled. A load and an audit decide here, so that an audit says of a load what the load does.
///
/// @param verdict on the head
/// @param groups the tensors to read
record LoadDecision(LoadReport.HeadVerdict verdict, List<KeyGroup> groups) {

    LoadDecision {
        groups = List.copyOf(groups);
    }

    /// @throws BowlineException where the checkpoint cannot be loaded into the model
    static LoadDecision of(CheckpointMapping names, HeadComparison comparison) {
        requireKnown(names);
        LoadReport.HeadVerdict verdict = TieResolution.judge(names, comparison);
        names.keys().requireExplained(names.checkpoint().directory().toString(), mayBeEmpty(names, verdict.plan()));
        List<KeyGroup> groups = groups(names, verdict.plan());
        names.requireShapes(groups);
        groups.forEach(group -> type(names, group));
        return new LoadDecision(verdict, groups);
    }

    /// Refuses a load for reasons that need no decision on the head.
    static void requireFits(CheckpointMapping names) {
        requireKnown(names);
        String head = names.model().lmHead().path();
        String embedding = names.model().inputEmbedding().path();
        names.keys().requireExplained(names.checkpoint().directory().toString(), Set.of(head, embedding));
        List<KeyGroup> groups = names.keys().groups().stream()
                .filter(group -> !group.slots().contains(head))
                .toList();
        names.requireShapes(groups);
        groups.forEach(group -> group.keys()
                .forEach(key -> ElementTypes.weightDtype(names.checkpoint().entry(key))));
    }

    /// Refuses what one reason explains, before any list of tensors.
    static void requireKnown(CheckpointMapping names) {
        Misfit.refuseKnown(names);
        requireHeld(names);
    }

    /// The dtype of a load that names none.
    static Dtype defaultDtype(CheckpointMapping names) {
        Dtype stored = ElementTypes.dtype(names.storedType()).orElse(Dtype.FLOAT32);
        if (stored != Dtype.FLOAT16) {
            requireComputes(names, stored);
        }
        return names.loadDtype();
    }

    static void requireComputes(CheckpointMapping names, Dtype dtype) {
        if (!dtype.computes()) {
            throw new BowlineException(
                    "%s is asked for in %s, a dtype that Bowline does not compute in"
                            .formatted(names.checkpoint().directory(), dtype.configName()),
                    "ask for float32 or bfloat16");
        }
    }

    /// The one type that all tensors of a group have in the files.
    static SafetensorsType type(CheckpointMapping names, KeyGroup group) {
        Checkpoint checkpoint = names.checkpoint();
        SafetensorsType type = checkpoint.entry(group.keys().getFirst()).type();
        for (String key : group.keys()) {
            ElementTypes.weightDtype(checkpoint.entry(key));
            if (checkpoint.entry(key).type() != type) {
                throw new BowlineException(
                        "%s: '%s' is %s and '%s' is %s, but they are parts of one tensor"
                                .formatted(
                                        checkpoint.directory(),
                                        group.keys().getFirst(),
                                        type,
                                        key,
                                        checkpoint.entry(key).type()),
                        "use a checkpoint in one dtype");
            }
        }
        return type;
    }

    /// Names that the index lists and no shard holds, and that the model does without, each with the reason.
    static SequencedMap<String, String> listedOnly(CheckpointMapping names) {
        KeyMap absent = names.keysWithoutTensor();
        SequencedMap<String, String> reasons = new java.util.LinkedHashMap<>();
        absent.groups()
                .forEach(group -> group.keys()
                        .forEach(key -> reasons.put(key, "is in the index and in no shard, and the head is tied")));
        absent.ignored()
                .forEach((key, reason) ->
                        reasons.put(key, "is in the index and in no shard, and is not used: " + reason));
        return reasons;
    }

    /// Refuses an index that lists a tensor which no shard holds, unless the model does without that tensor: a
    /// tied head, which a save leaves out and an older index may still list, or a tensor that the family ignores.
    private static void requireHeld(CheckpointMapping names) {
        SequencedMap<String, String> unheld = names.checkpoint().weights().unheld();
        KeyMap absent = names.keysWithoutTensor();
        Set<String> needed = new HashSet<>(absent.unknown());
        needed.addAll(absent.passedThrough().keySet());
        absent.groups().stream()
                .filter(group -> !group.slots().stream()
                        .allMatch(slot -> names.slot(slot).isTied()))
                .forEach(group -> needed.addAll(group.keys()));
        unheld.forEach((tensor, file) -> {
            if (needed.contains(tensor)) {
                throw WeightFiles.absent(names.checkpoint().directory(), tensor, file);
            }
        });
    }

    private static Set<String> mayBeEmpty(CheckpointMapping names, HeadBytes.Plan plan) {
        Set<String> mayBeEmpty = new HashSet<>();
        names.slots().values().stream().filter(Slot::isTied).map(Slot::path).forEach(mayBeEmpty::add);
        if (plan == HeadBytes.Plan.TIE_FROM_HEAD) {
            mayBeEmpty.add(names.model().inputEmbedding().path());
        }
        return mayBeEmpty;
    }

    /// The tensors to read: under a tie, the head's own is the embedding's or is left where it is.
    private static List<KeyGroup> groups(CheckpointMapping names, HeadBytes.Plan plan) {
        String head = names.model().lmHead().path();
        List<KeyGroup> groups = new ArrayList<>();
        for (KeyGroup group : names.keys().groups()) {
            if (!group.slots().contains(head)) {
                groups.add(group);
                continue;
            }
            switch (plan) {
                case TIE, SEPARATE -> groups.add(group);
                case TIE_FROM_HEAD -> {
                    String embedding = names.model().inputEmbedding().path();
                    groups.add(new KeyGroup(group.kind(), group.keys(), List.of(embedding)));
                }
                case TIE_AND_DROP_DUPLICATE -> {}
            }
        }
        return groups;
    }
}
