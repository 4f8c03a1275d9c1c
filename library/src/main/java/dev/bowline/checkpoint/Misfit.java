package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.model.LanguageModel;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.WrapperName;
import dev.bowline.statedict.KeyMap;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.stream.Collectors;

/// Checkpoints that do not fit a model for one reason that explains every tensor at once. The refusal names that
/// reason and no list of tensors.
final class Misfit {

    private Misfit() {}

    static void refuseKnown(CheckpointMapping names) {
        refuseSharded(names);
        refuseWrapped(names);
    }

    /// ZeRO-3 leaves a tensor of no elements in place of each one that it has sharded.
    private static void refuseSharded(CheckpointMapping names) {
        List<TensorEntry> empty = names.keys().groups().stream()
                .flatMap(group -> group.keys().stream())
                .map(names.checkpoint()::entry)
                .filter(entry -> entry.elements() == 0)
                .toList();
        if (!empty.isEmpty()) {
            throw new BowlineException(
                    "%s: %d of %d tensors are empty, such as '%s' of shape %s: the model was saved while DeepSpeed"
                                    .formatted(
                                            names.checkpoint().directory(),
                                            empty.size(),
                                            names.checkpoint().keys().size(),
                                            empty.getFirst().name(),
                                            empty.getFirst().shape())
                            + " ZeRO-3 or FSDP had its weights in shards",
                    "save the model again with its weights gathered (DeepSpeed:"
                            + " stage3_gather_16bit_weights_on_model_save), or make the weights from the run's own"
                            + " checkpoint with DeepSpeed's zero_to_fp32.py");
        }
    }

    /// Names that fit as soon as what a wrapper added is taken away.
    private static void refuseWrapped(CheckpointMapping names) {
        LanguageModel model = names.model();
        if (names.keys().unknown().isEmpty()) {
            return;
        }
        wrapper(model, names.checkpoint().keys()).ifPresent(wrapper -> {
            Path directory = names.checkpoint().directory();
            throw new BowlineException(
                    "%s: the tensors' names have '%s' %s, which a wrapped model adds; without it they are names of %s"
                            .formatted(directory, wrapper.text(), wrapper.place(), model.architecture()),
                    Fix.of(Remedy.Repair.inPlace(directory)));
        });
    }

    /// The text that a wrapper added to names: the model knows few of the names with it and all of them without
    /// it.
    static Optional<WrapperName> wrapper(LanguageModel model, SequencedSet<String> names) {
        Optional<KeyMap> keys = keys(model, names);
        boolean isMostlyKnown = keys.isPresent() && 2 * keys.get().unknown().size() < names.size();
        return WrapperName.candidates(names).stream()
                .filter(wrapper -> !isMostlyKnown || wrapper.place() == WrapperName.Place.INSIDE)
                .filter(wrapper -> fits(model, without(wrapper, names)))
                .findFirst()
                .filter(_ -> !fits(model, names));
    }

    private static SequencedSet<String> without(WrapperName wrapper, SequencedSet<String> names) {
        return names.stream().map(wrapper::without).collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private static Optional<KeyMap> keys(LanguageModel model, SequencedSet<String> names) {
        try {
            return Optional.of(KeyMap.of(
                    model.weightRules(), names, StoredSlots.ofModel(model).sequencedKeySet()));
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }

    /// True if every name has its place in the model, and every slot its name but those that a tie may fill.
    private static boolean fits(LanguageModel model, SequencedSet<String> names) {
        String head = model.lmHead().path();
        String embedding = model.inputEmbedding().path();
        return keys(model, names)
                .filter(keys -> keys.unknown().isEmpty())
                .filter(keys -> keys.empty().stream().allMatch(slot -> slot.equals(head) || slot.equals(embedding)))
                .filter(keys -> !keys.empty().containsAll(List.of(head, embedding)))
                .isPresent();
    }
}
