package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.statedict.KeyGroup;
import dev.bowline.statedict.KeyMap;
import dev.bowline.ties.TieFlag;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/// The contents of a checkpoint and the result of a load, from config.json and the headers alone: no weights
/// are read.
///
/// @param parts the model's own tensors by component, a tied value once
/// @param passedThrough the parts that a save copies unchanged, by component
/// @param ignored the tensors that fill nothing, each with its reason
/// @param notes unusual facts that change nothing, a sentence each
/// @param refused why a load would fail, one line a reason; empty if it would not
/// @param storedBytes of all tensors in the files
public record Inspection(
        Path directory,
        String architecture,
        int vocabulary,
        int maxPositions,
        List<Part> parts,
        List<Part> passedThrough,
        Map<String, String> ignored,
        List<String> notes,
        List<String> refused,
        Head head,
        long storedBytes) {

    /// The types that a weight can be read from without scales.
    private static final Set<SafetensorsType> WEIGHTS =
            EnumSet.of(SafetensorsType.F64, SafetensorsType.F32, SafetensorsType.F16, SafetensorsType.BF16);

    public Inspection {
        parts = List.copyOf(parts);
        passedThrough = List.copyOf(passedThrough);
        ignored = Map.copyOf(ignored);
        notes = List.copyOf(notes);
        refused = List.copyOf(refused);
    }

    /// @param parameters the elements that training may change
    /// @param buffered numbers that are loaded and saved and never trained
    /// @param bytes in the files
    /// @param stored the types in the files
    public record Part(
            Component component,
            int tensors,
            long parameters,
            long buffered,
            long bytes,
            SortedSet<SafetensorsType> stored) {}

    /// The head and the input embedding.
    ///
    /// @param head its slot
    /// @param embedding its slot
    public record Head(TieFlag flag, Held held, String head, String embedding) {}

    /// The tensors of the pair in the files, by the headers.
    public enum Held {
        EMBEDDING("the input embedding only"),
        HEAD("the head only"),
        BOTH("both"),
        NEITHER("neither");

        private final String text;

        Held(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /// Parameters, a tied value once.
    public long parameters() {
        return parts.stream().mapToLong(Part::parameters).sum();
    }

    /// Numbers in buffers, which are never trained.
    public long buffered() {
        return parts.stream().mapToLong(Part::buffered).sum();
    }

    /// @param model built from the checkpoint's config.json, without values
    public static Inspection of(Checkpoint checkpoint, LanguageModel model) {
        KeyMap keys;
        List<String> refused = new ArrayList<>();
        Map<String, Slot> slots = model.slots();
        try {
            keys = CheckpointMapping.of(checkpoint, model).keys();
        } catch (BowlineException e) {
            refused.add(e.problem());
            keys = KeyMap.ofNothing();
        }
        Head head = head(model, keys);
        Optional<BowlineException> misfit = CheckpointLoader.misfit(checkpoint, model);
        if (misfit.isPresent()) {
            refused.clear();
            refused.add(misfit.get().problem());
        } else {
            refuseUnexplained(keys, slots, head, refused);
            refuseShapes(checkpoint, keys, slots, refused);
            refuseTypes(checkpoint, keys, refused);
        }
        return new Inspection(
                checkpoint.directory(),
                model.architecture(),
                model.vocabularySize(),
                model.maxPositions(),
                parts(checkpoint, model, keys),
                passedThrough(checkpoint, model, keys.passedThrough().keySet()),
                keys.ignored(),
                notes(model, keys),
                refused,
                head,
                checkpoint.entries().values().stream()
                        .mapToLong(TensorEntry::bytes)
                        .sum());
    }

    private static List<String> notes(LanguageModel model, KeyMap keys) {
        List<String> notes = new ArrayList<>(model.notes());
        model.dropouts()
                .forEach(dropout ->
                        notes.add("%1$s %2$s is not applied: a recipe must set model.%1$s to 0.0; inference is the same"
                                .formatted(dropout.key(), dropout.probability())));
        notes.addAll(keys.notes());
        return notes;
    }

    private static Head head(LanguageModel model, KeyMap keys) {
        String head = model.lmHead().path();
        String embedding = model.inputEmbedding().path();
        boolean hasHead = !keys.empty().contains(head);
        boolean hasEmbedding = !keys.empty().contains(embedding);
        Held held = hasHead ? (hasEmbedding ? Held.BOTH : Held.HEAD) : hasEmbedding ? Held.EMBEDDING : Held.NEITHER;
        return new Head(model.tieFlag(), held, head, embedding);
    }

    private static void refuseUnexplained(KeyMap keys, Map<String, Slot> slots, Head head, List<String> refused) {
        boolean fillsFromHead = head.flag().tied() && head.held() == Held.HEAD;
        List<String> unfilled = keys.empty().stream()
                .filter(slot -> !(slots.containsKey(slot) && slots.get(slot).isTied()))
                .filter(slot -> !(fillsFromHead && slot.equals(head.embedding())))
                .toList();
        for (String key : keys.unknown()) {
            refused.add("no place in the model for '%s'%s".formatted(key, NearestNames.hint(key, unfilled)));
        }
        for (String slot : unfilled) {
            refused.add("no tensor for '%s'%s".formatted(slot, NearestNames.hint(slot, keys.unknown())));
        }
    }

    private static void refuseShapes(
            Checkpoint checkpoint, KeyMap keys, Map<String, Slot> slots, List<String> refused) {
        Map<String, List<Long>> given = new LinkedHashMap<>();
        checkpoint.entries().forEach((key, entry) -> given.put(key, entry.shape()));
        Map<String, List<Long>> wanted = new LinkedHashMap<>();
        slots.forEach((name, slot) ->
                wanted.put(name, Arrays.stream(slot.shape()).boxed().toList()));
        for (KeyGroup group : keys.groups()) {
            try {
                group.requireShapes(checkpoint.directory().toString(), given, wanted);
            } catch (BowlineException e) {
                refused.add(e.problem());
            }
        }
    }

    private static void refuseTypes(Checkpoint checkpoint, KeyMap keys, List<String> refused) {
        for (KeyGroup group : keys.groups()) {
            for (String key : group.keys()) {
                SafetensorsType type = checkpoint.entry(key).type();
                if (!WEIGHTS.contains(type)) {
                    refused.add("'%s' is stored as %s, which is not a weight's type".formatted(key, type));
                }
            }
        }
    }

    private static List<Part> parts(Checkpoint checkpoint, LanguageModel model, KeyMap keys) {
        Map<Component, Tally> tallies = new EnumMap<>(Component.class);
        model.parameters()
                .forEach((name, parameter) -> tallies.computeIfAbsent(model.component(name), _ -> new Tally())
                        .add(parameter));
        for (KeyGroup group : keys.groups()) {
            String slot = group.slots().getFirst();
            Component component = model.component(
                    slot.equals(model.lmHead().path()) ? model.lmHead().root().path() : slot);
            Tally tally = tallies.computeIfAbsent(component, _ -> new Tally());
            group.keys().forEach(key -> tally.add(checkpoint.entry(key)));
        }
        return parts(tallies);
    }

    private static List<Part> passedThrough(Checkpoint checkpoint, LanguageModel model, Set<String> keys) {
        Map<Component, Tally> tallies = new EnumMap<>(Component.class);
        for (String key : keys) {
            Tally tally = tallies.computeIfAbsent(model.component(key), _ -> new Tally());
            TensorEntry entry = checkpoint.entry(key);
            tally.add(entry);
            tally.tensors++;
            tally.parameters += entry.elements();
        }
        return parts(tallies);
    }

    private static List<Part> parts(Map<Component, Tally> tallies) {
        List<Part> parts = new ArrayList<>();
        tallies.forEach((component, tally) -> parts.add(
                new Part(component, tally.tensors, tally.parameters, tally.buffered, tally.bytes, tally.stored)));
        return parts;
    }

    private static final class Tally {

        private final SortedSet<SafetensorsType> stored = new TreeSet<>();
        private int tensors;
        private long parameters;
        private long buffered;
        private long bytes;

        void add(Parameter parameter) {
            tensors++;
            switch (parameter.role()) {
                case BASE, ADAPTER -> parameters += parameter.elements();
                case BUFFER -> buffered += parameter.elements();
            }
        }

        void add(TensorEntry entry) {
            bytes += entry.bytes();
            stored.add(entry.type());
        }
    }
}
