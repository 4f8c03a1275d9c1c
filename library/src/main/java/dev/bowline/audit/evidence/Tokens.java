package dev.bowline.audit.evidence;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonWalk;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// The ids in tokenizer.json, read in one pass and not held: vocabularies have hundreds of thousands of tokens.
public final class Tokens implements JsonWalk.Visitor {

    private static final String ADDED = "added_tokens";

    private final Set<Long> wanted;
    private final Map<Long, String> names = new HashMap<>();
    private final Map<String, Long> addedIds = new HashMap<>();
    private final Map<String, String> addedNames = new HashMap<>();
    private long highest = -1;
    private boolean sawAdded;
    private boolean sawVocabulary;
    private boolean done;

    private Tokens(Set<Long> wanted) {
        this.wanted = wanted;
    }

    /// The strings of these ids; empty when there is no tokenizer.json that says.
    public static String of(Path directory, List<Long> ids) {
        return String.join(" ", texts(directory, ids));
    }

    /// The string of each id that has one; empty when there is no tokenizer.json that says.
    public static List<String> texts(Path directory, List<Long> ids) {
        return read(directory, Set.copyOf(ids))
                .map(tokens -> ids.stream()
                        .map(tokens.names::get)
                        .filter(Objects::nonNull)
                        .toList())
                .orElse(List.of());
    }

    /// One more than the highest id; empty without a tokenizer.json that says.
    public static Optional<Long> size(Path directory) {
        return read(directory, Set.of()).filter(tokens -> tokens.highest >= 0).map(tokens -> tokens.highest + 1);
    }

    /// The ids of special tokens.
    public static List<Long> special(Path directory) {
        return read(directory, Set.of())
                .map(tokens -> List.copyOf(tokens.addedIds.values()))
                .orElse(List.of());
    }

    /// Empty for a tokenizer.json that is absent or that cannot be read, which is another program's business.
    private static Optional<Tokens> read(Path directory, Set<Long> wanted) {
        Path file = directory.resolve("tokenizer.json");
        Tokens tokens = new Tokens(wanted);
        try {
            if (!Files.isRegularFile(file)) {
                return Optional.empty();
            }
            JsonWalk.walk(file, JsonLimits.DEFAULT, tokens);
        } catch (BowlineException _) {
            return Optional.empty();
        }
        tokens.addedIds.forEach((index, id) -> tokens.token(id, tokens.addedNames.getOrDefault(index, "")));
        return Optional.of(tokens);
    }

    @Override
    public boolean enters(List<String> path) {
        if (path.isEmpty()) {
            return true;
        }
        if (path.getFirst().equals(ADDED)) {
            sawAdded = true;
            return path.size() <= 2;
        }
        boolean vocabulary = path.size() >= 2 && path.get(1).equals("vocab");
        sawVocabulary |= vocabulary;
        done = sawAdded && sawVocabulary && path.size() == 2 && !vocabulary;
        return path.getFirst().equals("model") && (path.size() == 1 || vocabulary && path.size() <= 3);
    }

    /// Pieces of a Unigram model stand in an array, each with its score; their ids are their places.
    @Override
    public void string(List<String> path, String value) {
        if (path.size() == 3 && path.getFirst().equals(ADDED) && path.get(2).equals("content")) {
            addedNames.put(path.get(1), value);
        } else if (isVocabulary(path, 4) && path.getLast().equals("0")) {
            token(Long.parseLong(path.get(2)), value);
        }
    }

    @Override
    public void number(List<String> path, String text) {
        if (path.size() == 3 && path.getFirst().equals(ADDED) && path.get(2).equals("id")) {
            whole(text).ifPresent(id -> addedIds.put(path.get(1), id));
        } else if (isVocabulary(path, 3)) {
            whole(text).ifPresent(id -> token(id, path.getLast()));
        }
    }

    private static boolean isVocabulary(List<String> path, int depth) {
        return path.size() == depth
                && path.getFirst().equals("model")
                && path.get(1).equals("vocab");
    }

    private void token(long id, String name) {
        highest = Math.max(highest, id);
        if (wanted.contains(id)) {
            names.put(id, name);
        }
    }

    private static Optional<Long> whole(String text) {
        return text.matches("\\d{1,18}") ? Optional.of(Long.parseLong(text)) : Optional.empty();
    }

    /// Merges stand after both, and are most of the file.
    @Override
    public boolean isDone() {
        return done;
    }
}
