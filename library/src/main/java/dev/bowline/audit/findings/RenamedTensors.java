package dev.bowline.audit.findings;

import dev.bowline.BowlineException;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.TransformersRule;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.Flags;
import dev.bowline.audit.evidence.PairResolver;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TiePair;
import dev.bowline.audit.evidence.TieTable;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.WrapperName;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Other names for all tensors, under which every release of the architecture finds them: without what a wrapper left,
/// or with the base model's prefix that they lack.
///
/// @param names of the tensors that change, from the name in the files to the new one
/// @param problem the present names, in one clause
/// @param step the change in one clause
public record RenamedTensors(Map<String, List<String>> names, String problem, String step) {

    public RenamedTensors {
        names = Map.copyOf(names);
    }

    /// Empty where the names are right, or where nothing says which other names are.
    public static Optional<RenamedTensors> of(Subject subject) {
        if (subject.table().isEmpty() && !isBuilt(subject)) {
            return Optional.empty();
        }
        Optional<WrapperName> ofLoad = isBuilt(subject) ? wrapper(subject) : Optional.empty();
        if (ofLoad.isPresent()) {
            return ofLoad.map(wrapper -> without(subject, wrapper));
        }
        if (subject.table().isEmpty()) {
            return Optional.empty();
        }
        if (subject.pair().embeddingIsThere() && isNotLoaded(subject).isEmpty()) {
            return exactHead(subject);
        }
        List<WrapperName> wrappers = wrappers(subject).stream()
                .filter(wrapper -> loads(subject, complete(subject, wrapper::without)))
                .toList();
        long ways = wrappers.stream()
                .map(wrapper -> changed(subject, complete(subject, wrapper::without)))
                .distinct()
                .count();
        return ways == 0
                ? withPrefix(subject)
                : ways == 1 ? Optional.of(without(subject, wrappers.getFirst())) : Optional.empty();
    }

    /// The wrappers of all tensors, or of all but a head that has its own name.
    private static List<WrapperName> wrappers(Subject subject) {
        String module = headModule(subject);
        List<WrapperName> all = WrapperName.candidates(subject.tensors().keySet());
        List<WrapperName> body = WrapperName.candidates(subject.tensors().keySet().stream()
                .filter(key -> module.isEmpty() || !key.startsWith(module))
                .toList());
        return Stream.concat(all.stream(), body.stream()).distinct().toList();
    }

    /// The renaming, and where only the base model's prefix is missing after it, with that prefix.
    private static UnaryOperator<String> complete(Subject subject, UnaryOperator<String> rename) {
        if (subject.table().isEmpty() || loads(subject, rename)) {
            return rename;
        }
        String prefix = basePrefix(subject);
        String module = headModule(subject);
        if (prefix.isEmpty() || module.isEmpty() || module.startsWith(prefix)) {
            return rename;
        }
        UnaryOperator<String> prefixed = key -> {
            String name = rename.apply(key);
            return name.startsWith(prefix) || name.startsWith(module) ? name : prefix + name;
        };
        return loads(subject, prefixed) ? prefixed : rename;
    }

    /// With its dot; empty where there is none.
    private static String basePrefix(Subject subject) {
        return subject.table()
                .map(entry -> entry.newest().prefix())
                .filter(text -> !text.isEmpty())
                .map(text -> text + ".")
                .orElse("");
    }

    /// `lm_head.` of `lm_head.weight`; empty where the class has no head.
    private static String headModule(Subject subject) {
        return subject.table()
                .flatMap(entry -> entry.newest().head())
                .map(head -> head.substring(0, head.lastIndexOf('.') + 1))
                .orElse("");
    }

    /// The head's own name, where the files have it behind the base model's prefix and all other names are right.
    private static Optional<RenamedTensors> exactHead(Subject subject) {
        String head = subject.table().flatMap(entry -> entry.newest().head()).orElse("");
        String key = basePrefix(subject) + head;
        if (basePrefix(subject).isEmpty()
                || head.isEmpty()
                || !subject.pair().headKey().equals(key)
                || subject.pair().head().isEmpty()
                || subject.tensors().containsKey(head)
                || subject.table().orElseThrow().newest().rename(key).equals(head)) {
            return Optional.empty();
        }
        return Optional.of(new RenamedTensors(
                Map.of(key, List.of(head)),
                "the head's name is " + key,
                "rename %s to %s, bytes untouched".formatted(key, head)));
    }

    private static RenamedTensors without(Subject subject, WrapperName wrapper) {
        return new RenamedTensors(
                changed(subject, complete(subject, wrapper::without)),
                "the tensors' names have '%s' %s".formatted(wrapper.text(), wrapper.place()),
                "rename every tensor: without '%s' %s, bytes untouched".formatted(wrapper.text(), wrapper.place()));
    }

    /// The releases that know the class and leave the input embedding where it is: its name is not theirs.
    static List<Consumer> isNotLoaded(Subject subject) {
        if (!subject.pair().embeddingIsThere()) {
            return List.of();
        }
        return Stream.of(Consumer.TRANSFORMERS_4, Consumer.TRANSFORMERS_5)
                .filter(consumer -> TransformersRule.leavesEmbedding(subject, consumer))
                .toList();
    }

    private static boolean isBuilt(Subject subject) {
        try {
            return subject.load().filter(load -> load.builds(subject.config())).isPresent();
        } catch (BowlineException _) {
            return false;
        }
    }

    /// The text that the load would remove from the names.
    private static Optional<WrapperName> wrapper(Subject subject) {
        return Stream.of(subject.config(), flagged(subject, JsonValue.of(false)), flagged(subject, JsonValue.of(true)))
                .flatMap(config -> wrapper(subject, config).stream())
                .findFirst()
                .filter(wrapper -> subject.tensors().keySet().stream()
                                .map(wrapper::without)
                                .distinct()
                                .count()
                        == subject.tensors().size());
    }

    private static Optional<WrapperName> wrapper(Subject subject, JsonObject config) {
        try {
            return subject.load()
                    .orElseThrow()
                    .wrapper(config, subject.tensors().sequencedKeySet());
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }

    /// A class that refuses the present flag may still have these names.
    private static JsonObject flagged(Subject subject, JsonValue tied) {
        JsonObject config = subject.config();
        for (FlagAt flag : subject.flags()) {
            config = Flags.with(config, flag.level(), "tie_word_embeddings", tied);
        }
        return config;
    }

    /// By its exact name: what a loader forgives is no proof.
    private static boolean loads(Subject subject, UnaryOperator<String> rename) {
        ReleaseTies release = subject.table().orElseThrow().newest();
        String leaf = release.embedding().map(PairResolver::leaf).orElse("");
        if (leaf.isEmpty() || subject.tensors().keySet().stream().noneMatch(key -> key.endsWith(leaf))) {
            return false;
        }
        SequencedMap<String, PlacedTensor> renamed = new LinkedHashMap<>();
        subject.tensors().forEach((key, tensor) -> renamed.put(rename.apply(key), tensor));
        TiePair pair = PairResolver.resolve(renamed, subject.files().config(), TieTable.shipped());
        return renamed.size() == subject.tensors().size()
                && pair.embeddingIsThere()
                && release.embedding().equals(Optional.of(release.rename(pair.embeddingKey())));
    }

    /// The base model's prefix for all tensors but the head's, where a release does not find them without it.
    private static Optional<RenamedTensors> withPrefix(Subject subject) {
        Optional<ReleaseTies> newest = subject.table().map(TieTable.Entry::newest);
        String prefix =
                newest.map(ReleaseTies::prefix).filter(text -> !text.isEmpty()).orElse("") + ".";
        String head = newest.flatMap(ReleaseTies::head).orElse("");
        if (prefix.equals(".")
                || head.startsWith(prefix)
                || isNotLoaded(subject).isEmpty()) {
            return Optional.empty();
        }
        String module = head.substring(0, head.lastIndexOf('.') + 1);
        UnaryOperator<String> rename = key -> key.startsWith(prefix) || key.startsWith(module) ? key : prefix + key;
        return loads(subject, rename)
                ? Optional.of(new RenamedTensors(
                        changed(subject, rename),
                        "the tensors' names lack '%s' in front".formatted(prefix),
                        "rename every tensor of the base model: with '%s' in front, bytes untouched".formatted(prefix)))
                : Optional.empty();
    }

    private static Map<String, List<String>> changed(Subject subject, UnaryOperator<String> rename) {
        return subject.tensors().keySet().stream()
                .filter(key -> !rename.apply(key).equals(key))
                .collect(Collectors.toMap(key -> key, key -> List.of(rename.apply(key))));
    }
}
