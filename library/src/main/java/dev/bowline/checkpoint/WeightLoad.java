package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.checkpoint.LoadReport.Placement;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.HeadBytes;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieLedger;
import dev.bowline.ties.TiedWeights;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.bytedeco.pytorch.Tensor;

/// One load: the verdict on the head, then the accounts of keys and slots, then the bytes, then the checks.
final class WeightLoad {

    private static final int NAMES_SHOWN = 8;

    private final Checkpoint checkpoint;
    private final CausalLanguageModel model;
    private final KeyMap keys;
    private final Map<String, Slot> slots;

    WeightLoad(Checkpoint checkpoint, CausalLanguageModel model, KeyMap keys) {
        this.checkpoint = checkpoint;
        this.model = model;
        this.keys = keys;
        slots = model.slots();
    }

    LoadReport run(Dtype dtype) {
        requireComputes(dtype);
        LoadReport.HeadVerdict verdict = judgeHead();
        SequencedMap<String, String> sources = sources(verdict.plan());
        requireComplete(sources);
        requireShapes(sources);
        String canonicalKey = source(sources, model.inputEmbedding().root().path());

        List<LoadReport.Filled> filled = new ArrayList<>();
        try (var _ = TensorScope.open();
                ParallelReads reads = new ParallelReads()) {
            reads.run(() -> checkpoint.hash(canonicalKey));
            Map<Parameter, Tensor> owned = new LinkedHashMap<>();
            sources.forEach((slot, key) -> filled.add(fill(slot, key, dtype, owned, reads)));
            reads.await();
            owned.forEach(Parameter::fill);
        }
        if (filled.stream().anyMatch(each -> each.placement() == Placement.MAPPED)) {
            model.own(checkpoint.lease());
        }
        verify(canonicalKey);
        return report(dtype, verdict, filled, canonicalKey);
    }

    private void requireComputes(Dtype dtype) {
        if (!dtype.computes()) {
            throw new BowlineException(
                    "%s is to be loaded as %s, which Bowline does not compute in"
                            .formatted(checkpoint.directory(), dtype.configName()),
                    "ask for float32 or bfloat16");
        }
    }

    /// The requested flag, the checkpoint's own flag and the bytes must say the same.
    private LoadReport.HeadVerdict judgeHead() {
        TieFlag asked = model.tieFlag();
        TieFlag own = TieFlag.controlling(checkpoint.config(), model.tieDefault());
        HeadEvidence evidence = HeadEvidence.of(
                checkpoint,
                keys.key(model.lmHead().path()),
                keys.key(model.inputEmbedding().path()));
        String files = evidence.state().text() + (evidence.detail().isEmpty() ? "" : ": " + evidence.detail());
        if (asked.tied() != own.tied()) {
            throw new BowlineException(
                    "the model is to have %s (%s), but in %s %s, and the files hold %s"
                            .formatted(
                                    asked.tied() ? "a tied head" : "a separate head",
                                    asked.level().key(),
                                    checkpoint.directory(),
                                    own.describe(),
                                    files),
                    "load the checkpoint as its own config.json describes it; tying and untying are conversions of"
                            + " their own");
        }
        HeadBytes.Plan plan;
        try {
            plan = evidence.state().plan(own, checkpoint.directory().toString());
        } catch (BowlineException refusal) {
            throw evidence.detail().isEmpty()
                    ? refusal
                    : new BowlineException(refusal.problem() + " (" + evidence.detail() + ")", refusal.fix(), refusal);
        }
        return new LoadReport.HeadVerdict(own, evidence.state(), plan);
    }

    /// The key of every slot that has a value of its own.
    private SequencedMap<String, String> sources(HeadBytes.Plan plan) {
        String head = model.lmHead().path();
        String embedding = model.inputEmbedding().root().path();
        SequencedMap<String, String> sources = new LinkedHashMap<>(keys.bySlot());
        switch (plan) {
            case TIE, SEPARATE -> {}
            case TIE_FROM_HEAD -> sources.put(embedding, source(sources, head));
            case TIE_AND_DROP_DUPLICATE -> sources.remove(head);
        }
        if (plan == HeadBytes.Plan.TIE_FROM_HEAD) {
            sources.remove(head);
        }
        return sources;
    }

    private static String source(Map<String, String> sources, String slot) {
        String key = sources.get(slot);
        if (key == null) {
            throw new IllegalStateException("no key fills '%s'".formatted(slot));
        }
        return key;
    }

    private void requireComplete(Map<String, String> sources) {
        if (!keys.unknown().isEmpty()) {
            throw new BowlineException(
                    "%s holds %d tensors that %s has no place for: %s"
                            .formatted(
                                    checkpoint.directory(),
                                    keys.unknown().size(),
                                    model.architecture(),
                                    named(keys.unknown(), slots.keySet())),
                    "use the config.json that belongs to these weights");
        }
        List<String> empty = model.parameters().keySet().stream()
                .filter(slot -> !sources.containsKey(slot))
                .toList();
        if (!empty.isEmpty()) {
            throw new BowlineException(
                    "%s lacks %d tensors that %s needs: %s"
                            .formatted(
                                    checkpoint.directory(),
                                    empty.size(),
                                    model.architecture(),
                                    named(empty, checkpoint.keys())),
                    "use the config.json that belongs to these weights, or download the missing files;"
                            + " nothing is left as initialised");
        }
    }

    private static String named(List<String> names, Collection<String> known) {
        List<String> shown = names.stream()
                .limit(NAMES_SHOWN)
                .map(name -> "'" + name + "'" + NearestNames.hint(name, known))
                .toList();
        String rest = names.size() > NAMES_SHOWN ? " and %d more".formatted(names.size() - NAMES_SHOWN) : "";
        return String.join(", ", shown) + rest;
    }

    private void requireShapes(Map<String, String> sources) {
        List<String> wrong = new ArrayList<>();
        sources.forEach((slot, key) -> {
            TensorEntry entry = checkpoint.entry(key);
            Parameter parameter = slot(slot).get();
            if (!parameter.hasShape(ElementTypes.shape(entry))) {
                wrong.add("'%s' is %s, '%s' needs %s"
                        .formatted(key, entry.shape(), slot, Shapes.text(parameter.shape())));
            }
        });
        if (!wrong.isEmpty()) {
            throw new BowlineException(
                    "%s and its config.json disagree on %d shapes: %s"
                            .formatted(
                                    checkpoint.directory(),
                                    wrong.size(),
                                    String.join("; ", wrong.subList(0, Math.min(NAMES_SHOWN, wrong.size())))),
                    "use the config.json that belongs to these weights");
        }
    }

    private LoadReport.Filled fill(
            String slot, String key, Dtype dtype, Map<Parameter, Tensor> owned, ParallelReads reads) {
        TensorEntry entry = checkpoint.entry(key);
        Dtype stored = ElementTypes.weightDtype(entry);
        long[] shape = ElementTypes.shape(entry);
        Parameter parameter = slot(slot).get();
        Placement placement = Placement.OWNED;
        if (stored != dtype) {
            owned.put(parameter, Ops.cast(Memory.view(checkpoint.bytes(key), stored, shape), dtype));
        } else if (parameter.isTrained()) {
            Tensor values = Ops.empty(dtype, shape);
            owned.put(parameter, values);
            var memory = Memory.bytes(values);
            reads.run(() -> checkpoint.weights().copy(key, memory));
        } else {
            parameter.fillReadOnly(Memory.view(checkpoint.bytes(key), dtype, shape));
            placement = Placement.MAPPED;
        }
        long bytes = Math.multiplyExact(entry.elements(), (long) dtype.bytes());
        return new LoadReport.Filled(slot, model.component(slot), key, entry.type(), dtype, bytes, placement);
    }

    private Slot slot(String path) {
        Slot slot = slots.get(path);
        if (slot == null) {
            throw new IllegalStateException("no slot '%s'".formatted(path));
        }
        return slot;
    }

    /// The pair is one or two as the flag says, and its value is the file's.
    private void verify(String canonicalKey) {
        TiedWeights.ensureTiedLmHead(model);
        TiedWeights.requireDistinct(model, model.parameters());
        Tensor value = model.inputEmbedding().tensor();
        TensorEntry entry = checkpoint.entry(canonicalKey);
        boolean sameType = ElementTypes.weightDtype(entry) == Dtype.of(value.scalar_type());
        if (sameType && Memory.bytes(value).mismatch(checkpoint.bytes(canonicalKey)) >= 0) {
            throw new IllegalStateException("'%s' does not hold the bytes of '%s' after loading"
                    .formatted(model.inputEmbedding().path(), canonicalKey));
        }
    }

    private LoadReport report(
            Dtype dtype, LoadReport.HeadVerdict verdict, List<LoadReport.Filled> filled, String canonicalKey) {
        List<LoadReport.Ignored> ignored = new ArrayList<>(keys.ignored());
        if (verdict.plan() == HeadBytes.Plan.TIE_AND_DROP_DUPLICATE) {
            String head = source(keys.bySlot(), model.lmHead().path());
            ignored.add(new LoadReport.Ignored(
                    head,
                    "repeats '%s' bit for bit, and the head is tied to it".formatted(canonicalKey),
                    checkpoint.entry(head).bytes()));
        }
        List<LoadReport.Tied> tied = slots.values().stream()
                .filter(Slot::isTied)
                .map(slot -> new LoadReport.Tied(slot.path(), slot.root().path()))
                .toList();
        return new LoadReport(
                checkpoint.directory(),
                model.architecture(),
                dtype,
                filled,
                tied,
                ignored,
                keys.passedThrough(),
                verdict,
                TieLedger.of(model, Optional.of(checkpoint.hash(canonicalKey))));
    }
}
