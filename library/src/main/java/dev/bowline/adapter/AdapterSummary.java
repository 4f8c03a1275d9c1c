package dev.bowline.adapter;

import dev.bowline.model.LanguageModel;
import dev.bowline.nn.SlotRole;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// The modules that an adapter changes, by kind, with the number of values that training updates.
///
/// @param kinds in the order of the model, those of one pattern together
/// @param baseValues values of the base model, a tied value once
public record AdapterSummary(List<Kind> kinds, long baseValues) {

    /// Modules whose names differ in numbers only, with adapters of the same sizes.
    ///
    /// @param pattern the name with `*` for each number, such as `model.layers.*.self_attn.q_proj`
    /// @param modules at least one
    public record Kind(String pattern, List<AdaptedModule> modules) {

        public Kind {
            modules = List.copyOf(modules);
        }

        public long trainedValues() {
            return modules.stream().mapToLong(AdaptedModule::trainedValues).sum();
        }
    }

    public AdapterSummary {
        kinds = List.copyOf(kinds);
    }

    /// @param model may have no values yet
    /// @param modules of one adapter on `model`
    public static AdapterSummary of(LanguageModel model, List<AdaptedModule> modules) {
        Map<AdaptedModule, List<AdaptedModule>> kinds = modules.stream()
                .collect(Collectors.groupingBy(AdapterSummary::withPattern, LinkedHashMap::new, Collectors.toList()));
        long base = model.slots(SlotRole.BASE).values().stream()
                .filter(slot -> slot.root() == slot)
                .mapToLong(slot -> Arrays.stream(slot.shape()).reduce(1, Math::multiplyExact))
                .sum();
        Map<String, List<Kind>> byPattern = kinds.entrySet().stream()
                .map(kind -> new Kind(kind.getKey().module(), kind.getValue()))
                .collect(Collectors.groupingBy(Kind::pattern, LinkedHashMap::new, Collectors.toList()));
        return new AdapterSummary(
                byPattern.values().stream().flatMap(List::stream).toList(), base);
    }

    /// The module with the pattern of its name as its name.
    private static AdaptedModule withPattern(AdaptedModule module) {
        String pattern = module.module().replaceAll("(?<=\\.)[0-9]+(?=\\.|$)", "*");
        return switch (module) {
            case AdaptedModule.LinearPair pair ->
                new AdaptedModule.LinearPair(pattern, pair.in(), pair.out(), pair.rank(), pair.scale(), pair.variant());
            case AdaptedModule.ExpertPairs pairs ->
                new AdaptedModule.ExpertPairs(
                        pattern, pairs.experts(), pairs.in(), pairs.out(), pairs.rank(), pairs.scale());
            case AdaptedModule.EmbeddingPair pair ->
                new AdaptedModule.EmbeddingPair(
                        pattern, pair.vocabulary(), pair.width(), pair.rank(), pair.scale(), pair.uses());
            case AdaptedModule.SavedModule saved ->
                new AdaptedModule.SavedModule(pattern, saved.shape(), saved.biasValues(), saved.uses());
            case AdaptedModule.TokenRows rows ->
                new AdaptedModule.TokenRows(pattern, rows.ids(), rows.width(), rows.uses());
        };
    }

    /// Values that training updates.
    public long trainedValues() {
        return kinds.stream().mapToLong(Kind::trainedValues).sum();
    }

    /// Values of the base and of the adapter, as in PEFT's `print_trainable_parameters`.
    public long allValues() {
        return baseValues + trainedValues();
    }

    public int modules() {
        return kinds.stream().mapToInt(kind -> kind.modules().size()).sum();
    }
}
