package dev.bowline.adapter.verify;

import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.verify.VerifyReport.Tensors;
import dev.bowline.checkpoint.ElementTypes;
import dev.bowline.nn.LinearStack;
import dev.bowline.nn.Slot;
import dev.bowline.streamed.Rows;
import dev.bowline.streamed.StreamedCheckpoint;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/// Compares the weights of a checkpoint with those of its base, by the slots of the model, and the tensors that
/// the model does not compute by their keys. A head that one of the two has as the input embedding is compared
/// with it.
final class TensorComparer {

    private final StreamedCheckpoint base;
    private final StreamedCheckpoint merged;
    private final Optional<List<AdaptedModule>> modules;

    private final Map<String, BitSet> expertDeltas;

    /// @param expertDeltas the experts of each stacked weight whose delta is not zero
    TensorComparer(
            StreamedCheckpoint base,
            StreamedCheckpoint merged,
            Optional<List<AdaptedModule>> modules,
            Map<String, BitSet> expertDeltas) {
        this.expertDeltas = expertDeltas;
        this.base = base;
        this.merged = merged;
        this.modules = modules;
    }

    /// @param problems receives a sentence per kind of difference that no adapter explains
    Tensors compare(List<String> problems) {
        List<String> reshaped = new ArrayList<>();
        List<String> changed = new ArrayList<>();
        List<String> idle = new ArrayList<>();
        Set<String> targets = targets();
        List<String> idleExperts = new ArrayList<>();
        Map<String, LinearStack> stacks = base.model().linearStacks();
        long unchanged = 0;
        long experts = 0;
        for (Slot slot : base.model().slots().values()) {
            String name = slot.path();
            Rows before = base.rows(name);
            Rows after = merged.rows(name);
            if (before.count() != after.count() || before.width() != after.width()) {
                reshaped.add(name);
            } else if (isSame(before, after, stored(name))) {
                unchanged++;
                if (targets.contains(name)) {
                    idle.add(name);
                }
            } else {
                changed.add(name);
                LinearStack stack = stacks.get(name);
                if (stack != null) {
                    BitSet same = same(name, stack.experts().size());
                    experts += stack.experts().size() - same.cardinality();
                    same.and(expertDeltas.getOrDefault(name, new BitSet()));
                    same.stream().forEach(expert -> idleExperts.add("expert %d of '%s'".formatted(expert, name)));
                }
            }
        }
        List<String> unexpected = modules.isEmpty()
                ? List.of()
                : changed.stream()
                        .filter(name -> !targets.contains(name))
                        .filter(name -> !isTiedTarget(name, targets))
                        .toList();
        Tensors tensors = new Tensors(
                unchanged,
                changed.size(),
                experts,
                converted(),
                lacking(base, merged),
                lacking(merged, base),
                reshaped,
                unexpected);
        report(tensors, idle, problems);
        add(problems, "%d experts' matrices have a delta in the adapter and the values of the base: %s", idleExperts);
        return tensors;
    }

    /// The experts of a stacked weight with the values of the base.
    private BitSet same(String name, int experts) {
        BitSet same = new BitSet();
        long rows = base.rows(name).count() / experts;
        for (int expert = 0; expert < experts; expert++) {
            Rows before = base.rows(name).part(expert * rows, rows);
            same.set(expert, isSame(before, merged.rows(name).part(expert * rows, rows), stored(name)));
        }
        return same;
    }

    private void report(Tensors tensors, List<String> idle, List<String> problems) {
        add(problems, "%d tensors of the base are missing: %s", tensors.missing());
        add(problems, "%d tensors have another shape than in the base: %s", tensors.reshaped());
        add(problems, "%d tensors changed that the adapter does not target: %s", tensors.unexpected());
        add(problems, "%d tensors are targets of the adapter and have the values of the base: %s", idle);
    }

    private static void add(List<String> problems, String sentence, List<String> names) {
        if (!names.isEmpty()) {
            String shown = String.join(", ", names.subList(0, Math.min(5, names.size())));
            problems.add(sentence.formatted(names.size(), shown + (names.size() > 5 ? ", …" : "")));
        }
    }

    /// The slots that the adapter changes.
    private Set<String> targets() {
        Set<String> targets = new HashSet<>();
        for (AdaptedModule module : modules.orElse(List.of())) {
            targets.add(module instanceof AdaptedModule.ExpertPairs ? module.module() : module.module() + ".weight");
            if (module instanceof AdaptedModule.SavedModule) {
                targets.add(module.module() + ".bias");
            }
        }
        targets.retainAll(base.model().slots().keySet());
        return targets;
    }

    /// A tied head changes with its embedding.
    private boolean isTiedTarget(String name, Set<String> targets) {
        boolean isPair = name.equals(base.head()) || name.equals(base.embedding());
        return isPair && merged.isTied() && (targets.contains(base.head()) || targets.contains(base.embedding()));
    }

    private long converted() {
        return base.checkpoint().entries().values().stream()
                .filter(entry -> merged.checkpoint().entries().containsKey(entry.name()))
                .filter(entry -> merged.checkpoint().entry(entry.name()).type() != entry.type())
                .count();
    }

    /// The keys of the one that the other lacks, without those of a head that is tied in it.
    private static List<String> lacking(StreamedCheckpoint from, StreamedCheckpoint in) {
        String head = from.mapping().key(from.head()).orElse(from.head());
        return from.checkpoint().keys().stream()
                .filter(key -> !in.checkpoint().entries().containsKey(key))
                .filter(key -> !(key.equals(head) && (in.isTied() || from.headPlan() != in.headPlan())))
                .toList();
    }

    /// The dtype of the checkpoint's tensor, to which an unchanged weight of the base is rounded.
    private Dtype stored(String slot) {
        int group = merged.place(slot).orElseThrow().group();
        String key = merged.groups().get(group).keys().getFirst();
        return ElementTypes.weightDtype(merged.checkpoint().entry(key));
    }

    private static boolean isSame(Rows before, Rows after, Dtype stored) {
        long piece = before.pieceRows();
        for (long from = 0; from < before.count(); from += piece) {
            try (TensorScope _ = TensorScope.open()) {
                long count = Math.min(piece, before.count() - from);
                Tensor rounded = Ops.cast(before.read(from, count, Dtype.FLOAT32), stored);
                if (!Ops.cast(rounded, Dtype.FLOAT32).equal(after.read(from, count, Dtype.FLOAT32))) {
                    return false;
                }
            }
        }
        return true;
    }
}
