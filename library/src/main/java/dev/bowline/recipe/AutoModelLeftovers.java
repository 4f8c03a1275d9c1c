package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Removes keys of Bowline's that an AutoModel recipe gives and that have no effect with the others, which in a recipe
/// of one's own is an error.
final class AutoModelLeftovers {

    private final Path file;
    private final Notes notes;

    /// @param file the recipe, absolute
    AutoModelLeftovers(Path file, Notes notes) {
        this.file = file;
        this.notes = notes;
    }

    Mapping remove(Mapping root) {
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
        for (String section : List.of("dataset", "validation_dataset")) {
            left = shortened(left, section + ".seq_length");
        }
        return left;
    }

    /// There, `seq_length` pads and may be above what the model can read.
    private Mapping shortened(Mapping root, String key) {
        Optional<Scalar> length = root.find(Key.segments(key)).flatMap(AutoModelLeftovers::asScalar);
        Optional<Integer> positions = root.find(List.of("model", "pretrained_model_name_or_path"))
                .flatMap(AutoModelLeftovers::asScalar)
                .flatMap(model -> PathKinds.firstExisting(PathKinds.bases(model.at(), file), model.text()))
                .flatMap(UsualLength::positions);
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
        notes.translated(at, key, "read as %s, the positions of the model".formatted(most));
        return root.with(Key.segments(key), new Scalar(most, true, at));
    }

    private static Optional<Scalar> asScalar(YamlValue value) {
        return value instanceof Scalar scalar ? Optional.of(scalar) : Optional.empty();
    }

    private Mapping without(Mapping root, String key, String reason) {
        List<String> path = Key.segments(key);
        Optional<YamlValue> there = root.find(path);
        there.ifPresent(value -> notes.ignored(value.at(), key, reason));
        return there.isPresent() ? root.without(path) : root;
    }

    private static boolean is(Mapping root, String key, String text) {
        return root.find(Key.segments(key))
                .filter(value -> value instanceof Scalar scalar && scalar.text().equalsIgnoreCase(text))
                .isPresent();
    }
}
