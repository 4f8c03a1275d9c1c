package dev.bowline.data;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A data file of a directory, and the split that the name of the file or of a directory gives it.
///
/// @param path relative to the dataset's directory
/// @param naming the kind of name that gives the split
/// @param split the split; empty if no name gives one
/// @param configuration the directory of the dataset that the split belongs to; empty if no name gives a split
record SplitFile(Path path, Naming naming, Optional<String> split, Optional<String> configuration) {

    /// The ways to name a file's split, the clearest first.
    enum Naming {
        /// `train-00000-of-00002.parquet`, with any name.
        SHARD,
        /// `train/part.jsonl`.
        DIRECTORY,
        /// `train.jsonl`, `my_train_2.jsonl`.
        FILE,
        NONE
    }

    /// The endings of data files and the format of each.
    static final SequencedMap<String, String> KINDS = new LinkedHashMap<>();

    static {
        for (String ending : List.of(".jsonl", ".ndjson", ".json")) {
            KINDS.put(ending, "JSON");
        }
        KINDS.put(".parquet", "Parquet");
        KINDS.put(".csv", "CSV");
        KINDS.put(".tsv", "TSV");
        KINDS.put(".arrow", "Arrow");
    }

    /// The words that name a split, in the order of the search.
    private static final SequencedMap<String, List<String>> KEYWORDS = new LinkedHashMap<>();

    static {
        KEYWORDS.put("train", List.of("train", "training"));
        KEYWORDS.put("validation", List.of("validation", "valid", "dev", "val"));
        KEYWORDS.put("test", List.of("test", "testing", "eval", "evaluation"));
    }

    private static final Pattern SHARD = Pattern.compile("(\\w+(?:\\.\\w+)*)-[0-9]{5}-of-[0-9]{5}.*\\..+");
    private static final String SEPARATOR = "[-._ 0-9]";
    private static final String END_OR_MORE = "(" + SEPARATOR + ".*)?";
    private static final String MORE = SEPARATOR + ".*";

    static SplitFile of(Path relative) {
        Optional<Path> parent = Optional.ofNullable(relative.getParent());
        String name = String.valueOf(relative.getFileName());
        Matcher shard = SHARD.matcher(name);
        if (shard.matches()) {
            return new SplitFile(
                    relative,
                    Naming.SHARD,
                    Optional.of(shard.group(1)),
                    Optional.of(slashed(parent.orElse(Path.of("")))));
        }
        for (int depth = parent.map(Path::getNameCount).orElse(0); depth > 0; depth--) {
            Optional<String> split = wordIn(relative.getName(depth - 1).toString(), END_OR_MORE);
            if (split.isPresent()) {
                Path above = depth == 1 ? Path.of("") : relative.subpath(0, depth - 1);
                return new SplitFile(relative, Naming.DIRECTORY, split, Optional.of(slashed(above)));
            }
        }
        Optional<String> split = wordIn(name, MORE);
        return split.isPresent()
                ? new SplitFile(relative, Naming.FILE, split, Optional.of(slashed(parent.orElse(Path.of("")))))
                : new SplitFile(relative, Naming.NONE, Optional.empty(), Optional.empty());
    }

    /// The kind of a data file by its ending; empty for any other file.
    static Optional<String> kind(Path file) {
        DataFile data = new DataFile(file);
        return KINDS.entrySet().stream()
                .filter(ending -> data.isNamed(ending.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }

    /// The split that a word means: `dev` is `validation`.
    static Optional<String> keyword(String word) {
        return KEYWORDS.entrySet().stream()
                .filter(entry -> entry.getValue().contains(word.toLowerCase(Locale.ROOT)))
                .map(Map.Entry::getKey)
                .findFirst();
    }

    /// The split one of whose words is in the name, with separators around it.
    ///
    /// @param after the text that must follow the word
    private static Optional<String> wordIn(String name, String after) {
        return KEYWORDS.entrySet().stream()
                .filter(split ->
                        name.matches("(.*" + SEPARATOR + ")?(" + String.join("|", split.getValue()) + ")" + after))
                .map(Map.Entry::getKey)
                .findFirst();
    }

    String name() {
        return slashed(path);
    }

    private static String slashed(Path path) {
        return path.toString().replace('\\', '/');
    }
}
