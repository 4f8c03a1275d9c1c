package dev.bowline.adapter.merge;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.merge.AdapterChanges.SlotChange;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.streamed.Rows;
import dev.bowline.streamed.StreamedCheckpoint;
import dev.bowline.ties.TieFlag;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The weights of the base with the changes of an adapter, each in its place. A change for one of two tied
/// modules never enters the tensor that both share: the pair parts, or the change is for both.
final class MergedWeights {

    private final StreamedCheckpoint base;
    private final TieMode mode;
    private final Map<Integer, List<PlacedChange>> changes = new HashMap<>();
    private final List<PlacedChange> partedHead = new ArrayList<>();
    private final boolean isParted;

    MergedWeights(StreamedCheckpoint base, List<SlotChange> changes, TieMode mode) {
        this.base = base;
        this.mode = mode;
        isParted = changes.stream().anyMatch(this::parts);
        if (isParted) {
            requireParting();
        }
        changes.forEach(this::place);
    }

    /// True if a change is for one of two tied modules.
    private boolean parts(SlotChange change) {
        boolean isOneSided = base.isTied() && isOfPair(change) && isFor(change) == Uses.NAMED;
        if (isOneSided && mode != TieMode.UNTIE) {
            throw new BowlineException(
                    "'%s' is tied, and the adapter changes it alone".formatted(change.slot()),
                    Fix.of("choose ")
                            .and(Remedy.TieMode.SHARED)
                            .and(" to change head and input embedding alike, or ")
                            .and(Remedy.TieMode.UNTIE)
                            .and(" to give each its own values"));
        }
        return isOneSided;
    }

    private boolean isOfPair(SlotChange change) {
        return change.slot().equals(base.head()) || change.slot().equals(base.embedding());
    }

    private Uses isFor(SlotChange change) {
        return mode == TieMode.SHARED ? Uses.BOTH : change.uses();
    }

    private void requireParting() {
        switch (base.model().tieSupport()) {
            case BOTH, UNTIED_ONLY -> {}
            case TIED_ONLY ->
                throw new BowlineException(
                        "%s has a tied head only, and the adapter changes head or input embedding alone"
                                .formatted(base.model().architecture()),
                        Fix.of("choose ").and(Remedy.TieMode.SHARED));
        }
    }

    private void place(SlotChange change) {
        StreamedCheckpoint.Place place = base.place(change.slot())
                .orElseThrow(() -> new BowlineException(
                        "the base has no tensor for '%s', which the adapter changes".formatted(change.slot()),
                        "use the adapter with the model that it was trained on"));
        PlacedChange placed = new PlacedChange(
                change.slot(), change.kind(), place.first() + change.first(), change.change(), change.keys());
        if (change.first() + change.change().count() > place.count()) {
            throw new IllegalStateException("%s has %d rows".formatted(change.slot(), place.count()));
        }
        boolean isHeadAlone = isParted && change.slot().equals(base.head());
        (isHeadAlone ? partedHead : changes.computeIfAbsent(place.group(), _ -> new ArrayList<>())).add(placed);
    }

    /// The head of the result.
    Head head() {
        return base.isTied() && !isParted ? Head.TIED : Head.SEPARATE;
    }

    /// True if the result has a head of its own and the base has not.
    boolean isParted() {
        return isParted;
    }

    /// The rows of a group of the base's tensors.
    MergedRows rows(int group) {
        return new MergedRows(base.rows(group), changes.getOrDefault(group, List.of()));
    }

    /// The rows of a head that parts from its embedding.
    MergedRows partedHead() {
        return new MergedRows(base.rows(base.embedding()), partedHead);
    }

    /// The merged rows of a slot, not rounded.
    Rows rows(String slot) {
        if (isParted && slot.equals(base.head())) {
            return partedHead();
        }
        StreamedCheckpoint.Place place =
                base.place(slot).orElseThrow(() -> new IllegalArgumentException("no tensor fills " + slot));
        return rows(place.group()).part(place.first(), place.count());
    }

    /// The tie flag of the result, if it differs from that of the base.
    Optional<Boolean> changedFlag() {
        TieFlag flag = base.model().tieFlag();
        boolean isTied = head() == Head.TIED;
        return flag.tied() == isTied ? Optional.empty() : Optional.of(isTied);
    }

    /// Every change in its place.
    List<PlacedChange> all() {
        List<PlacedChange> all = new ArrayList<>(partedHead);
        changes.values().forEach(all::addAll);
        return all;
    }
}
