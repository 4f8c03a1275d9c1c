package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// The matrices of an adapter for stacked experts, read from every layout to one form.
public final class StackedExperts {

    private final AdapterFiles files;
    private final List<ExpertReader> readers;

    private StackedExperts(AdapterFiles files, List<ExpertReader> readers) {
        this.files = files;
        this.readers = readers;
    }

    /// @param base the experts of the base; a lambda that gives shapes is enough for every layout but AutoModel's
    ///     grouped one of Gemma 4
    /// @throws BowlineException for experts in more than one layout
    public static StackedExperts of(AdapterFiles files, BaseExperts base) {
        List<ExpertReader> readers = Stream.of(
                        new PeftExperts(files, base), new GroupedExperts(files, base), new SplitExperts(files, base))
                .filter(reader -> !reader.parameters().isEmpty())
                .toList();
        if (readers.size() > 1) {
            throw ExpertReader.refused(
                    files,
                    "has experts in more than one layout: '%s', '%s'"
                            .formatted(key(readers.getFirst()), key(readers.getLast())),
                    "save the adapter again");
        }
        return new StackedExperts(files, readers);
    }

    private static String key(ExpertReader reader) {
        return reader.parameters().firstEntry().getValue().iterator().next();
    }

    /// The full names of the stacked weights that the adapter changes.
    public Set<String> parameters() {
        Set<String> parameters = new TreeSet<>();
        readers.forEach(reader -> parameters.addAll(reader.parameters().keySet()));
        return parameters;
    }

    /// The keys in the file that the pairs are read from.
    public Set<String> keys() {
        Set<String> keys = new TreeSet<>();
        readers.forEach(reader -> reader.parameters().values().forEach(keys::addAll));
        return keys;
    }

    /// The keys in the file that the pair of one stacked weight is read from.
    public Set<String> keys(String parameter) {
        Set<String> keys = new TreeSet<>();
        readers.forEach(reader ->
                Optional.ofNullable(reader.parameters().get(parameter)).ifPresent(keys::addAll));
        return keys;
    }

    /// The layout of the file; empty for an adapter that changes no stacked weight.
    ///
    /// @throws BowlineException where neither the shapes nor `peft_version` tell the layout
    public Optional<ExpertLayout> layout() {
        return readers.stream().map(ExpertReader::layout).findFirst();
    }

    /// The pairs in the order of the weights' names. A segment is in the adapter's mapped file or in `arena`.
    ///
    /// The factor of a pair's delta is [LoraConfig#scale] of its parameter, also where the pair's rank is not
    /// that of the settings: gate_proj and up_proj with an A each make a pair of twice the rank.
    public List<ExpertPair> pairs(Arena arena) {
        return readers.stream()
                .flatMap(
                        reader -> reader.parameters().keySet().stream().map(parameter -> reader.pair(parameter, arena)))
                .toList();
    }

    /// The adapter's settings with a rank and an alpha for every pair whose rank is not that of the settings,
    /// which keep the factor of its delta.
    public LoraConfig config(List<ExpertPair> pairs) {
        LoraConfig config = files.config();
        for (ExpertPair pair : pairs) {
            if (pair.rank() != config.rank(pair.parameter())) {
                config = config.withRank(isCommon(pair, pairs) ? ending(pair) : pair.parameter(), pair.rank());
            }
        }
        return config;
    }

    /// True if every layer's weight of the same name has the pair's rank, and no pattern tells the layers apart.
    private boolean isCommon(ExpertPair pair, List<ExpertPair> pairs) {
        return files.config().rankPattern().isEmpty()
                && files.config().alphaPattern().isEmpty()
                && pairs.stream()
                        .filter(other -> ending(other).equals(ending(pair)))
                        .allMatch(other -> other.rank() == pair.rank());
    }

    private static String ending(ExpertPair pair) {
        int dot = pair.parameter().lastIndexOf('.');
        return pair.parameter().substring(pair.parameter().lastIndexOf('.', dot - 1) + 1);
    }
}
