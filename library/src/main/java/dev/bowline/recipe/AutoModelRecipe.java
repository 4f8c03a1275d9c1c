package dev.bowline.recipe;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.recipe.AutoModelKeys.Ignored;
import dev.bowline.recipe.AutoModelKeys.Means;
import dev.bowline.recipe.AutoModelKeys.Moved;
import dev.bowline.recipe.AutoModelKeys.OnlyWith;
import dev.bowline.recipe.AutoModelKeys.Refused;
import dev.bowline.recipe.AutoModelKeys.Target;
import dev.bowline.recipe.AutoModelKeys.Treatment;
import dev.bowline.recipe.AutoModelTargets.Meaning;
import dev.bowline.recipe.AutoModelTargets.Slot;
import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import dev.bowline.recipe.YamlValue.Sequence;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Translates a recipe of NeMo AutoModel to Bowline's keys, before the checks.
///
/// Each value keeps its position. A key without an effect becomes a note, and a key for a feature that Bowline
/// does not have becomes a problem. No key that changes the training is dropped silently.
final class AutoModelRecipe {

    /// @param root with keys of the schema only, and unknown ones
    /// @param defaults of AutoModel or of Bowline
    /// @param refused sections that already have a problem and get no second one
    record Translation(Mapping root, AutoModelDefaults defaults, Set<String> refused) {}

    private static final String TARGET = "_target_";

    private final Mapping root;
    private final Diagnostics diagnostics;
    private final Set<String> refused;
    private final AutoModelMoves moves;
    private Optional<AutoModelDefaults.Optimizer> optimizer = Optional.empty();

    /// @param root with its datasets translated
    private AutoModelRecipe(Mapping root, AutoModelMoves moves, Diagnostics diagnostics, Set<String> refused) {
        this.root = root;
        this.refused = refused;
        this.diagnostics = diagnostics;
        this.moves = moves;
    }

    /// @param file the recipe, absolute
    static Translation translate(Path file, Mapping root, Diagnostics diagnostics) {
        boolean isAutoModel = root.entry("recipe").isPresent() || namesTarget(root);
        Set<String> refused = new HashSet<>();
        AutoModelMoves moves = new AutoModelMoves(file, diagnostics, refused);
        Mapping given = isAutoModel ? withoutNullSections(root) : root;
        Mapping real = moves.replacePlaceholders(given);
        Mapping adapted = new AutoModelPeft(file, diagnostics).translate(real);
        Mapping read = new AutoModelDatasets(file, isAutoModel, diagnostics, refused).translate(adapted);
        AutoModelRecipe recipe = new AutoModelRecipe(read, moves, diagnostics, refused);
        Mapping walked = new Mapping(recipe.entries("", read, Optional.empty()), read.at());
        if (isAutoModel) {
            AutoModelPeft.noteHead(real, diagnostics);
        }
        Mapping moved = moves.withoutMaxLr(moves.apply(walked));
        recipe.optimizer.ifPresent(named -> moves.checkWeightDecay(named, moved));
        return new Translation(
                isAutoModel ? moves.withoutEffectless(moved) : moved,
                isAutoModel
                        ? AutoModelDefaults.ofAutoModel(
                                recipe.optimizer,
                                moved.entry("lr_scheduler").isPresent()
                                        ? AutoModelDefaults.Rate.SCHEDULED
                                        : AutoModelDefaults.Rate.CONSTANT)
                        : AutoModelDefaults.ofBowline(),
                refused);
    }

    private static boolean namesTarget(YamlValue value) {
        return value instanceof Mapping mapping
                && mapping.entries().stream()
                        .anyMatch(entry -> entry.key().equals(TARGET) || namesTarget(entry.value()));
    }

    /// In AutoModel a section without a value counts as absent.
    private static Mapping withoutNullSections(Mapping root) {
        return new Mapping(
                root.entries().stream()
                        .filter(entry -> !(entry.value() instanceof Scalar scalar && scalar.isNull()))
                        .toList(),
                root.at());
    }

    /// @param around the treatment of a key without a row of its own
    private List<Entry> entries(String section, Mapping mapping, Optional<Treatment> around) {
        List<Entry> kept = new ArrayList<>();
        Optional<Entry> unsupported = mapping.entry(TARGET).filter(named -> isUnsupported(section, named));
        if (unsupported.isPresent() && RecipeSchema.RECIPE.sections().contains(section)) {
            target(section + "." + TARGET, unsupported.get());
            refused.add(section);
            return List.of();
        }
        for (Entry entry : mapping.entries()) {
            String path = section.isEmpty() ? entry.key() : section + "." + entry.key();
            Optional<Treatment> treatment = AutoModelKeys.find(path);
            if (entry.value() instanceof Mapping inner && AutoModelKeys.isSection(path)) {
                List<Entry> left = entries(path, inner, treatment.filter(whole -> !(whole instanceof Target)));
                if (RecipeSchema.RECIPE.sections().contains(path) && !refused.contains(path)) {
                    kept.add(new Entry(entry.key(), entry.keyAt(), new Mapping(left, inner.at())));
                }
            } else if (isTarget(entry.key())
                    || treatment.filter(Target.class::isInstance).isPresent()) {
                target(path, entry);
            } else if (treatment.isPresent()) {
                treat(path, entry, treatment.get());
            } else if (around.isPresent()
                    && RecipeSchema.RECIPE.key(section, entry.key()).isEmpty()) {
                treat(path, entry, around.get());
            } else if (section.isEmpty() || RecipeSchema.RECIPE.sections().contains(section)) {
                kept.add(entry);
            } else {
                unknown(section, entry);
            }
        }
        return kept;
    }

    /// True for a class that Bowline does not have: the other keys of its section are not read.
    private static boolean isUnsupported(String section, Entry named) {
        return slot(section + "." + TARGET)
                .flatMap(slot -> named.value() instanceof Scalar scalar
                        ? AutoModelTargets.find(slot, scalar.text())
                        : Optional.empty())
                .filter(known -> !(known.meaning() instanceof Meaning.Unsupported)
                        && !(known.meaning() instanceof Meaning.Placeholder))
                .isEmpty();
    }

    private static boolean isTarget(String key) {
        return key.equals(TARGET) || key.equals("_component_");
    }

    private void treat(String path, Entry entry, Treatment treatment) {
        String written = entry.value().normalized();
        switch (treatment) {
            case Ignored(String reason) -> diagnostics.ignored(entry.keyAt(), path, reason);
            case Moved(String to) -> moves.add(new AutoModelMoves.Move(path, to, entry.value()));
            case Means(String when, String to, String value) -> {
                if (written.equals(when) && root.find(Key.segments(to)).isPresent()) {
                    diagnostics.ignored(entry.keyAt(), path, "%s describes these".formatted(to));
                } else if (written.equals(when)) {
                    moves.add(new AutoModelMoves.Move(
                            path, to, new Scalar(value, true, entry.value().at())));
                } else {
                    diagnostics.ignored(entry.keyAt(), path, "it is %s".formatted(written));
                }
            }
            case OnlyWith(List<String> values, String feature) -> {
                if (values.contains(written)) {
                    diagnostics.ignored(entry.keyAt(), path, "%s is what Bowline does".formatted(written));
                } else {
                    refuse(entry, path, feature, "write %s, or remove it".formatted(values.getFirst()));
                }
            }
            case Refused(String feature, String fix) -> {
                if (isSwitchedOff(entry.value())) {
                    diagnostics.ignored(entry.keyAt(), path, "it is switched off");
                } else {
                    refuse(entry, path, feature, fix);
                }
            }
            case Target() -> throw new IllegalStateException(path + " is a target");
        }
    }

    /// True for a section or a switch that requests nothing.
    private static boolean isSwitchedOff(YamlValue value) {
        return switch (value) {
            case Scalar scalar -> scalar.isNull() || scalar.normalized().equals("false");
            case Sequence _ -> false;
            case Mapping mapping ->
                mapping.entry("enabled")
                        .map(Entry::value)
                        .filter(AutoModelRecipe::isSwitchedOff)
                        .isPresent();
        };
    }

    private void refuse(Entry entry, String path, String feature, String fix) {
        refuse(entry, path, feature, Fix.of(fix));
    }

    private void refuse(Entry entry, String path, String feature, Fix fix) {
        diagnostics.problem(entry.keyAt(), "%s: %s is not supported".formatted(path, feature), fix);
    }

    private void target(String path, Entry entry) {
        if (path.equals("recipe") && entry.value() instanceof Mapping inner) {
            inner.entries().forEach(name -> target(path, name));
            return;
        }
        if (!(entry.value() instanceof Scalar scalar)) {
            diagnostics.problem(
                    entry.value().at(),
                    "%s: expected the name of a class, found %s"
                            .formatted(path, entry.value().found()),
                    "write the name, or remove the line");
            return;
        }
        Optional<Slot> slot = slot(path);
        Optional<AutoModelTargets.Target> known = slot.flatMap(at -> AutoModelTargets.find(at, scalar.text()));
        if (known.isEmpty()) {
            diagnostics.problem(
                    scalar.at(),
                    "%s names '%s', and a recipe is data: only classes that Bowline knows are read"
                            .formatted(path, scalar.text()),
                    slot.flatMap(at -> AutoModelTargets.nearest(at, scalar.text()))
                            .map("did you mean '%s'?"::formatted)
                            .orElse("remove it; the section's own keys say what Bowline does"));
            return;
        }
        switch (known.get().meaning()) {
            case Meaning.Same(String what) ->
                diagnostics.known(
                        entry.keyAt(), path, "%s is %s".formatted(known.get().simpleName(), what));
            case Meaning.Layout(AutoModelDatasetClass dataset) ->
                diagnostics.translated(entry.keyAt(), path, "read as format: %s".formatted(dataset.format()));
            case Meaning.Optimizer(AutoModelDefaults.Optimizer named) -> {
                optimizer = Optional.of(named);
                diagnostics.translated(entry.keyAt(), path, translation(named));
            }
            case Meaning.Switch(String name) -> {
                String section = path.startsWith("validation_") ? "validation_dataset" : "dataset";
                moves.add(new AutoModelMoves.Move(
                        path,
                        section + "." + name,
                        new Scalar("true", true, entry.value().at())));
            }
            case Meaning.Strategy(String value) -> strategy(path, entry, value);
            case Meaning.Placeholder(String feature, String set) ->
                refuse(entry, path, feature, Fix.of("give the real one: ").and(new Remedy.Assign(set)));
            case Meaning.Unsupported(String feature) ->
                refuse(entry, path, feature, "remove it, or use another recipe");
        }
    }

    private void strategy(String path, Entry entry, String value) {
        String key = DistributedSection.STRATEGY.path();
        if (root.find(Key.segments(key)).isPresent()) {
            diagnostics.ignored(entry.keyAt(), path, "%s has the strategy".formatted(key));
        } else {
            moves.add(new AutoModelMoves.Move(
                    path, key, new Scalar(value, true, entry.value().at())));
        }
    }

    private static String translation(AutoModelDefaults.Optimizer optimizer) {
        return switch (optimizer.stateDtype()) {
            case FLOAT32 -> "read as name: adamw, with 32-bit master weights and moments";
            case BFLOAT16 -> "read as name: adamw and state_dtype: bfloat16, with 32-bit master weights";
            case INT8 -> "read as name: adamw and state_dtype: int8, with 32-bit master weights";
        };
    }

    private static Optional<Slot> slot(String path) {
        if (path.endsWith("collate_fn._target_")) {
            return Optional.of(Slot.COLLATE);
        }
        return Optional.ofNullable(
                switch (path.replace("." + TARGET, "").replace("validation_", "")) {
                    case "recipe" -> Slot.RECIPE;
                    case "rng" -> Slot.RNG;
                    case "model" -> Slot.MODEL;
                    case "model.backend" -> Slot.BACKEND;
                    case "distributed", "distributed.mp_policy" -> Slot.DISTRIBUTED;
                    case "processor", "tokenizer", "dataset.tokenizer" -> Slot.TOKENIZER;
                    case "loss_fn" -> Slot.LOSS;
                    case "optimizer" -> Slot.OPTIMIZER;
                    case "peft" -> Slot.PEFT;
                    case "dataset" -> Slot.DATASET;
                    case "dataloader" -> Slot.DATALOADER;
                    case "dataloader.collate_fn", "packed_sequence.post_tokenize_hook_fn" -> Slot.COLLATE;
                    default -> null;
                });
    }

    private void unknown(String section, Entry entry) {
        List<String> names = AutoModelKeys.names(section);
        diagnostics.problem(
                entry.keyAt(),
                "unknown key '%s' in %s".formatted(entry.key(), section),
                Key.nearest(entry.key(), names)
                        .map("did you mean '%s'?"::formatted)
                        .orElse("use one of " + String.join(", ", names)));
    }
}
