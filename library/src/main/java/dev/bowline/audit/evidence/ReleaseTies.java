package dev.bowline.audit.evidence;

import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// The ties of one release for one architecture.
///
/// @param levels where the flag may stand, outermost first; empty is the top of config.json
/// @param effective T, F or E (it fails) for every combination of absent, false, true at the levels, first level
/// slowest
/// @param reads the level that decides when all are present
/// @param head the parameter name of the output embedding's weight
/// @param embedding the parameter name of the input embedding's weight
/// @param tied alias to source, for every pair that is one parameter when the flag is true
/// @param always pairs that are one parameter whatever the flag says
/// @param renames the renames of a file's key, in order, before its lookup
/// @param prefix the base model's name, which a file may lack or have too much
/// @param vocabulary the level whose `vocab_size` is the number of rows of both; empty when none alone is
public record ReleaseTies(
        List<String> levels,
        String effective,
        String reads,
        Optional<String> head,
        Optional<String> embedding,
        SequencedMap<String, String> tied,
        SequencedMap<String, String> always,
        List<TieTable.Rename> renames,
        String prefix,
        Optional<String> vocabulary) {

    public ReleaseTies {
        levels = List.copyOf(levels);
        tied = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(tied));
        always = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(always));
        renames = List.copyOf(renames);
        if (effective.length() != (int) Math.pow(3, levels.size())) {
            throw new IllegalArgumentException("%d levels and '%s'".formatted(levels.size(), effective));
        }
    }

    /// `T`, `F` or `E` for this config.json.
    public char decides(JsonObject config) {
        int index = 0;
        for (String level : levels) {
            Optional<Boolean> flag = flagAt(config, level);
            index = 3 * index + (flag.isEmpty() ? 0 : flag.get() ? 2 : 1);
        }
        return effective.charAt(index);
    }

    public boolean ties(JsonObject config) {
        return decides(config) == 'T';
    }

    /// The decision when no level has a flag.
    public boolean defaultTied() {
        return effective.charAt(0) == 'T';
    }

    /// The rows that it gives head and embedding, in digits, where config.json says so.
    Optional<String> rows(JsonObject config) {
        return vocabulary.flatMap(level -> VocabularyRows.vocabSize(config, level));
    }

    /// True if head and embedding can be one parameter in this release.
    public boolean canTie() {
        return head.isPresent()
                && embedding.isPresent()
                && (isOne(tied) || isOne(always) || tied.containsKey(head.get()));
    }

    boolean alwaysTies() {
        return isOne(always);
    }

    /// Directly, or both to a third.
    private boolean isOne(SequencedMap<String, String> pairs) {
        if (head.isEmpty() || embedding.isEmpty()) {
            return false;
        }
        return root(pairs, head.get()).equals(root(pairs, embedding.get()));
    }

    private static String root(SequencedMap<String, String> pairs, String name) {
        String at = name;
        for (int step = 0; step < pairs.size() + 1; step++) {
            String next = pairs.get(at);
            if (next == null) {
                return at;
            }
            at = next;
        }
        return at;
    }

    /// Every name that is tied to `name` when the flag is true, itself left out.
    public List<String> group(String name) {
        String root = root(tied, name);
        return tied.sequencedKeySet().stream()
                .filter(alias -> root(tied, alias).equals(root))
                .filter(alias -> !alias.equals(name))
                .toList();
    }

    /// The file's key as this release's parameter name, before prefixes are tried.
    public String rename(String key) {
        String name = key;
        for (TieTable.Rename rename : renames) {
            name = rename.apply(name);
        }
        return name;
    }

    /// True if this release loads the file's key into `parameter`; an inner model's own prefix falls away.
    public boolean loads(String key, String parameter) {
        String name = rename(key);
        return name.equals(parameter)
                || name.replace("language_model.model.", "language_model.").equals(parameter)
                || !prefix.isEmpty()
                        && (parameter.equals(prefix + "." + name) || name.equals(prefix + "." + parameter));
    }

    /// True if the key is the parameter's name behind one more base model's prefix. Release 4 takes that prefix
    /// away only for a class that has no base model as a part.
    public boolean hasPrefixTooMuch(String key, String parameter) {
        return !prefix.isEmpty()
                && rename(key).equals(prefix + "." + parameter)
                && embedding.filter(name -> name.startsWith(prefix + ".")).isPresent();
    }

    /// The flag at a dotted path of objects; a value that is not true or false counts as absent.
    public static Optional<Boolean> flagAt(JsonObject config, String level) {
        return objectAt(config, level)
                .flatMap(object -> object.get("tie_word_embeddings"))
                .filter(JsonBoolean.class::isInstance)
                .map(JsonValue::asBoolean);
    }

    public static Optional<JsonObject> objectAt(JsonObject config, String level) {
        Optional<JsonObject> object = Optional.of(config);
        for (String step : level.isEmpty() ? new String[0] : level.split("\\.")) {
            object = object.flatMap(at -> at.get(step))
                    .filter(JsonObject.class::isInstance)
                    .map(JsonValue::asObject);
        }
        return object;
    }
}
