package dev.bowline.recipe;

import java.util.Optional;
import java.util.regex.Pattern;

/// A dataset on the Hugging Face Hub, and the command that makes a local file of it.
///
/// @param name for `datasets.load_dataset`
/// @param config one of the dataset's configurations, if the recipe names one
/// @param revision a branch, tag or commit, if the recipe names one
/// @param split the split, or an expression that only `datasets` understands
/// @param shuffleSeed with which the rows are shuffled before a slice is taken
record HubDataset(
        String name, Optional<String> config, Optional<String> revision, String split, Optional<String> shuffleSeed) {

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][\\w.-]*/[A-Za-z0-9][\\w.-]*");
    private static final Pattern WORD = Pattern.compile("[A-Za-z][A-Za-z0-9_-]*");
    private static final Pattern FILE =
            Pattern.compile(".*\\.(jsonl?|ndjson|csv|tsv|parquet|gz|zst|txt|ya?ml|arrow)", Pattern.CASE_INSENSITIVE);

    static boolean isName(String text) {
        return NAME.matcher(text).matches() && !FILE.matcher(text).matches();
    }

    /// A dataset without an owner, as the Hub's oldest are.
    static boolean isWord(String text) {
        return WORD.matcher(text).matches();
    }

    /// The file that [#command] writes.
    String file() {
        String base =
                name.substring(name.indexOf('/') + 1) + config.map("-"::concat).orElse("");
        return "%s-%s.jsonl".formatted(base, split.replaceAll("[^\\w.-]+", "_"));
    }

    /// A shell command that writes the split to [#file], an object a line.
    String command() {
        StringBuilder load = new StringBuilder("load_dataset(").append(quoted(name));
        config.ifPresent(given -> load.append(", ").append(quoted(given)));
        load.append(", split=").append(quoted(split));
        revision.ifPresent(given -> load.append(", revision=").append(quoted(given)));
        load.append(')');
        shuffleSeed.ifPresent(seed -> load.append(".shuffle(seed=").append(seed).append(')'));
        return "python -c \"from datasets import load_dataset; %s.to_json(%s)\"".formatted(load, quoted(file()));
    }

    /// In single quotes, safe within a shell's double quotes.
    private static String quoted(String text) {
        return "'" + text.replaceAll("[^\\w./:+\\[\\]%-]", "") + "'";
    }
}
