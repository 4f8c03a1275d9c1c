package dev.bowline.recipe;

import dev.bowline.recipe.AutoModelTargets.Meaning;
import dev.bowline.recipe.AutoModelTargets.Slot;
import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Replaces placeholders of an AutoModel recipe, moves values to the keys that have their meaning, and removes
/// keys of Bowline's that have no effect with the others. In a recipe of Bowline's own such a key is an error.
final class AutoModelMoves {

    /// A value and the key that has its meaning.
    record Move(String from, String to, YamlValue value) {}

    private static final String MODEL = "model";
    private static final String TRAINING = "dataset";
    private static final String VALIDATION = "validation_dataset";

    private final Path file;
    private final Diagnostics diagnostics;
    private final Set<String> refused;
    private final List<Move> moves = new ArrayList<>();

    /// @param file the recipe, absolute
    /// @param refused sections that nothing is moved to
    AutoModelMoves(Path file, Diagnostics diagnostics, Set<String> refused) {
        this.file = file;
        this.diagnostics = diagnostics;
        this.refused = refused;
    }

    /// Generated data and models with fresh weights, which AutoModel's benchmarks use, are replaced by the real
    /// ones of the command line.
    Mapping replacePlaceholders(Mapping root) {
        Mapping replaced = model(root);
        boolean hasData =
                isPlaceholder(root, TRAINING, Slot.DATASET) && isFlagged(root, TRAINING, AutoModelDatasets.SOURCES);
        for (String section : List.of(TRAINING, VALIDATION)) {
            if (!isPlaceholder(root, section, Slot.DATASET)) {
                continue;
            }
            if (isFlagged(root, section, AutoModelDatasets.SOURCES)) {
                replaced = data(replaced, section);
            } else if (hasData) {
                Entry invented = root.entry(section).orElseThrow();
                diagnostics.translated(
                        invented.keyAt(),
                        section,
                        "it is generated data, so nothing is validated; set %s.path=FILE to validate"
                                .formatted(section));
                replaced = replaced.without(List.of(section));
            }
        }
        return replaced;
    }

    private Mapping model(Mapping root) {
        if (!isPlaceholder(root, MODEL, Slot.MODEL)
                || !isFlagged(root, MODEL, List.of("pretrained_model_name_or_path"))) {
            return root;
        }
        Mapping replaced = root;
        for (String key : List.of("_target_", "config")) {
            Optional<YamlValue> there = root.find(List.of(MODEL, key));
            there.ifPresent(value -> diagnostics.translated(
                    value.at(), MODEL + "." + key, "replaced by the checkpoint of the command line"));
            replaced = replaced.without(List.of(MODEL, key));
        }
        return replaced;
    }

    /// The section with the keys that any data has.
    private Mapping data(Mapping root, String section) {
        Mapping replaced = root;
        for (Entry entry : ((Mapping) root.find(List.of(section)).orElseThrow()).entries()) {
            String path = section + "." + entry.key();
            boolean isOfAnyData = RecipeSchema.RECIPE.key(section, entry.key()).isPresent()
                    || AutoModelDatasets.SOURCES.contains(entry.key())
                    || RecipeSchema.RECIPE.sections().contains(path);
            if (!isOfAnyData) {
                diagnostics.translated(entry.keyAt(), path, "generated data, replaced by the data of the command line");
                replaced = replaced.without(List.of(section, entry.key()));
            }
        }
        return replaced;
    }

    private static boolean isPlaceholder(Mapping root, String section, Slot slot) {
        return root.find(List.of(section, "_target_"))
                .flatMap(value ->
                        value instanceof Scalar scalar ? AutoModelTargets.find(slot, scalar.text()) : Optional.empty())
                .filter(target -> target.meaning() instanceof Meaning.Placeholder)
                .isPresent();
    }

    private static boolean isFlagged(Mapping root, String section, List<String> keys) {
        return keys.stream()
                .flatMap(key -> root.find(List.of(section, key)).stream())
                .anyMatch(value -> value.at() instanceof Origin.OnFlag);
    }

    void add(Move move) {
        moves.add(move);
    }

    /// A flag has precedence over the file, under either name.
    Mapping apply(Mapping walked) {
        Mapping moved = walked;
        for (Move move : moves) {
            List<String> to = Key.segments(move.to());
            boolean isOfNoSection = to.getFirst().equals("validation_dataset")
                    && walked.entry(to.getFirst()).isEmpty();
            if (isOfNoSection || refused.contains(to.getFirst())) {
                continue;
            }
            Optional<YamlValue> there = moved.find(to);
            boolean isFlag = move.value().at() instanceof Origin.OnFlag;
            if (there.isPresent()
                    && there.get().normalized().equals(move.value().normalized())) {
                diagnostics.ignored(move.value().at(), move.from(), "%s has the same value".formatted(move.to()));
                continue;
            }
            if (there.isPresent() && !isFlag && !(there.get().at() instanceof Origin.OnFlag)) {
                diagnostics.problem(
                        move.value().at(),
                        "%s is given twice, here as %s".formatted(move.to(), move.from()),
                        "keep " + move.to());
            } else if (there.isEmpty() || isFlag) {
                moved = moved.with(to, move.value());
                diagnostics.translated(
                        move.value().at(),
                        move.from(),
                        "read as %s: %s".formatted(move.to(), move.value().normalized()));
            }
        }
        return moved;
    }

    /// AutoModel's scheduler can have a highest rate of its own; here it is the optimizer's.
    Mapping withoutMaxLr(Mapping walked) {
        List<String> path = List.of("lr_scheduler", "max_lr");
        Optional<YamlValue> max = walked.find(path);
        if (max.isEmpty()) {
            return walked;
        }
        Optional<Double> lr = walked.find(List.of("optimizer", "lr")).flatMap(YamlValue::asNumber);
        if (lr.isPresent() && max.get().asNumber().equals(lr)) {
            diagnostics.ignored(max.get().at(), "lr_scheduler.max_lr", "it is optimizer.lr");
        } else {
            diagnostics.problem(
                    max.get().at(),
                    "lr_scheduler.max_lr: the highest rate is optimizer.lr, and the two differ",
                    "write the highest rate as optimizer.lr, and give init_lr and min_lr as numbers");
        }
        return walked.without(path);
    }

    /// Adam without weight decay is AdamW without weight decay, and with it something else.
    void checkWeightDecay(AutoModelDefaults.Optimizer optimizer, Mapping walked) {
        if (optimizer.coupling() == AutoModelDefaults.Coupling.DECOUPLED) {
            return;
        }
        walked.find(List.of("optimizer", "weight_decay"))
                .filter(decay -> decay.asNumber().filter(value -> value != 0).isPresent())
                .ifPresent(decay -> diagnostics.problem(
                        decay.at(),
                        "optimizer.weight_decay: weight decay on the gradient, as Adam has it, is not supported",
                        "write weight_decay: 0, or use torch.optim.AdamW"));
    }

    Mapping withoutEffectless(Mapping root) {
        Mapping left = root;
        if (root.entry("validation_dataset").isEmpty()) {
            left = without(left, "step_scheduler.val_every_steps", "there is no validation_dataset");
        }
        if (is(root, "checkpoint.enabled", "false")) {
            for (String key : List.of(
                    "step_scheduler.ckpt_every_steps",
                    "checkpoint.max_recent_checkpoints",
                    "checkpoint.max_shard_size")) {
                left = without(left, key, "checkpoint.enabled is false");
            }
        }
        if (is(root, "lr_scheduler.lr_decay_style", "constant")) {
            left = without(left, "lr_scheduler.min_lr", "lr_decay_style is constant");
            left = without(left, "lr_scheduler.lr_decay_steps", "lr_decay_style is constant");
        }
        if (is(root, "lr_scheduler.lr_warmup_steps", "0")) {
            left = without(left, "lr_scheduler.init_lr", "there is no warm-up");
        }
        if (root.entry("peft").isPresent()) {
            for (String key : FreezeConfig.frozenWithAdapter()) {
                left = is(root, key, "false") ? without(left, key, "peft freezes the weights") : left;
            }
        }
        for (String section : List.of(TRAINING, VALIDATION)) {
            left = shortened(left, section + ".seq_length");
        }
        return left;
    }

    /// AutoModel pads to `seq_length`, which may be above the positions of the model.
    private Mapping shortened(Mapping root, String key) {
        Optional<Scalar> length = root.find(Key.segments(key)).flatMap(YamlValue::asScalar);
        Optional<Integer> positions = modelDirectory(root, file).flatMap(ModelSection::positions);
        boolean isLonger = positions.isPresent()
                && positions.get() >= 2
                && length.filter(text -> text.text().matches("[0-9]{1,9}"))
                        .filter(text -> Integer.parseInt(text.text()) > positions.get())
                        .isPresent();
        if (!isLonger) {
            return root;
        }
        String most = String.valueOf(positions.get());
        Origin at = length.orElseThrow().at();
        diagnostics.translated(at, key, "read as %s, the positions of the model".formatted(most));
        return root.with(Key.segments(key), new Scalar(most, true, at));
    }

    /// The model of a recipe that is not read yet, if it exists.
    static Optional<Path> modelDirectory(Mapping root, Path file) {
        return root.find(List.of(MODEL, "pretrained_model_name_or_path"))
                .flatMap(YamlValue::asScalar)
                .flatMap(model -> PathTypes.firstExisting(PathTypes.bases(model.at(), file), model.text()));
    }

    private Mapping without(Mapping root, String key, String reason) {
        List<String> path = Key.segments(key);
        Optional<YamlValue> there = root.find(path);
        there.ifPresent(value -> diagnostics.ignored(value.at(), key, reason));
        return there.isPresent() ? root.without(path) : root;
    }

    private static boolean is(Mapping root, String key, String text) {
        return root.find(Key.segments(key))
                .filter(value -> value instanceof Scalar scalar && scalar.text().equalsIgnoreCase(text))
                .isPresent();
    }
}
