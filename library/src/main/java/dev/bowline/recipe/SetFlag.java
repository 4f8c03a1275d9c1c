package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// One `--set key.path=value`.
final class SetFlag {

    private SetFlag() {}

    /// `root` with the flag's value in it, in place of what was there under any name of the key.
    static Mapping apply(String assignment, Mapping root, Problems problems) {
        Origin.OnFlag flag = new Origin.OnFlag(assignment);
        int equals = assignment.indexOf('=');
        List<String> segments = segments(assignment);
        if (!isAssignment(assignment)) {
            problems.add(flag, "expected key.path=value", "write it as --set optimizer.lr=1e-5");
            return root;
        }
        YamlValue value = YamlReader.read(SourceText.ofFlag(assignment.substring(equals + 1), flag), problems)
                .orElse(new Scalar("", true, flag));
        return withoutOtherNames(root, segments).with(segments, value);
    }

    static boolean isAssignment(String text) {
        return text.indexOf('=') >= 0 && segments(text).stream().noneMatch(String::isBlank);
    }

    private static List<String> segments(String assignment) {
        int equals = assignment.indexOf('=');
        return Key.segments(
                equals < 0 ? assignment : assignment.substring(0, equals).strip());
    }

    private static Mapping withoutOtherNames(Mapping root, List<String> segments) {
        List<String> section = segments.subList(0, segments.size() - 1);
        Optional<Key<?>> key = RecipeSchema.key(String.join(".", section), segments.getLast());
        Mapping cleared = root;
        if (key.isPresent()) {
            cleared = cleared.without(Key.segments(key.get().path()));
            for (String alias : key.get().aliases()) {
                List<String> other = new ArrayList<>(section);
                other.add(alias);
                cleared = cleared.without(other);
            }
        }
        return cleared;
    }
}
