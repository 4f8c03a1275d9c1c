package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.model.KeyRoute;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorEntry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// What each of a checkpoint's keys is to a model.
///
/// @param bySlot the key that fills a slot, by the slot's name
/// @param ignored keys the model has no use for
/// @param passedThrough keys of parts that Bowline does not compute
/// @param unknown keys the family does not know, or whose slot this model does not have
record KeyMap(
        SequencedMap<String, String> bySlot,
        List<LoadReport.Ignored> ignored,
        List<LoadReport.PassedThrough> passedThrough,
        List<String> unknown) {

    KeyMap {
        bySlot = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(bySlot));
        ignored = List.copyOf(ignored);
        passedThrough = List.copyOf(passedThrough);
        unknown = List.copyOf(unknown);
    }

    static KeyMap of(Checkpoint checkpoint, CausalLanguageModel model) {
        SequencedMap<String, String> bySlot = new LinkedHashMap<>();
        List<LoadReport.Ignored> ignored = new ArrayList<>();
        List<LoadReport.PassedThrough> passedThrough = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        Map<String, ?> slots = model.slots();
        for (TensorEntry entry : checkpoint.entries().values()) {
            String key = entry.name();
            Optional<KeyRoute> route = model.route(key);
            if (route.isEmpty()) {
                unknown.add(key);
                continue;
            }
            switch (route.get()) {
                case KeyRoute.Fill(String slot) when slots.containsKey(slot) -> claim(bySlot, slot, key, checkpoint);
                case KeyRoute.Fill _ -> unknown.add(key);
                case KeyRoute.Ignore(String reason) -> ignored.add(new LoadReport.Ignored(key, reason, entry.bytes()));
                case KeyRoute.PassThrough(var component) ->
                    passedThrough.add(new LoadReport.PassedThrough(key, component, entry.bytes()));
            }
        }
        return new KeyMap(bySlot, ignored, passedThrough, unknown);
    }

    Optional<String> key(String slot) {
        return Optional.ofNullable(bySlot.get(slot));
    }

    /// The type that most bytes of the model's own tensors have.
    SafetensorsType storedType(Checkpoint checkpoint) {
        Map<SafetensorsType, Long> bytes = new EnumMap<>(SafetensorsType.class);
        for (String key : bySlot.values()) {
            TensorEntry entry = checkpoint.entry(key);
            bytes.merge(entry.type(), entry.bytes(), Long::sum);
        }
        return bytes.entrySet().stream()
                .max(Comparator.comparingLong(Map.Entry::getValue))
                .map(Map.Entry::getKey)
                .orElse(SafetensorsType.F32);
    }

    private static void claim(Map<String, String> bySlot, String slot, String key, Checkpoint checkpoint) {
        String other = bySlot.put(slot, key);
        if (other != null) {
            throw new BowlineException(
                    "%s: '%s' and '%s' are both '%s'".formatted(checkpoint.directory(), other, key, slot),
                    "keep one of the two tensors; two spellings in one checkpoint hide which was trained");
        }
    }
}
