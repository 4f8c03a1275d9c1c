package dev.bowline.audit.consumers;

import dev.bowline.audit.evidence.PairScan;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TieTable;
import dev.bowline.audit.evidence.VocabularyRows;
import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.SafetensorsType;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// The pair that a transformers release loads: the rule replays its loading over names and equalities.
///
/// Release 4 ties after loading, always from the input embedding. Release 5 looks first which of the two are in the
/// files: both and different are not tied, one alone fills both.
public final class TransformersRule {

    private final Subject subject;
    private final Consumer consumer;
    private final ReleaseTies release;
    private final Map<String, Source> weights = new HashMap<>();
    private final Map<String, Integer> identity = new HashMap<>();
    private final Set<String> missing = new HashSet<>();

    private TransformersRule(Subject subject, Consumer consumer, ReleaseTies release) {
        this.subject = subject;
        this.consumer = consumer;
        this.release = release;
    }

    static ConsumerView view(Subject subject, Consumer consumer) {
        boolean isFive = consumer == Consumer.TRANSFORMERS_5;
        if (!subject.files().missingShards().isEmpty()) {
            return ConsumerView.fails(
                    consumer,
                    "%s is not there".formatted(subject.files().missingShards().getFirst()));
        }
        Optional<TieTable.Entry> table = subject.table();
        if (table.isEmpty()) {
            return unknown(subject, consumer);
        }
        Optional<ReleaseTies> release = table.flatMap(isFive ? TieTable.Entry::v5 : TieTable.Entry::v4);
        if (release.isEmpty()) {
            return ConsumerView.unsupported(
                    consumer,
                    "%s has no %s"
                            .formatted(
                                    consumer.title(),
                                    subject.pair().architecture().orElse("such class")));
        }
        if (release.get().decides(subject.config()) == 'E') {
            return ConsumerView.fails(consumer, "its config class refuses this config.json");
        }
        return new TransformersRule(subject, consumer, release.get()).replay(isFive);
    }

    /// True if the release has the class and does not load the input embedding by its name in the files.
    public static boolean leavesEmbedding(Subject subject, Consumer consumer) {
        boolean isFive = consumer == Consumer.TRANSFORMERS_5;
        return subject.table()
                .flatMap(isFive ? TieTable.Entry::v5 : TieTable.Entry::v4)
                .filter(release -> release.embedding()
                        .filter(name -> !new TransformersRule(subject, consumer, release)
                                .loads(subject.pair().embeddingKey(), name))
                        .isPresent())
                .isPresent();
    }

    /// A class of the checkpoint's own, or one of another library: the base class's rules.
    private static ConsumerView unknown(Subject subject, Consumer consumer) {
        boolean tied = consumer == Consumer.TRANSFORMERS_5
                ? subject.topFlag().orElse(false)
                : subject.textFlag().orElse(true);
        String why =
                "the base class's rule, as no table knows the architecture: %s".formatted(tied ? "tied" : "untied");
        return PresenceRules.byFlag(subject, consumer, tied, PresenceRules.BothDiffer.of(consumer), why);
    }

    private ConsumerView replay(boolean isFive) {
        String head = release.head().orElse("");
        String embedding = release.embedding().orElse("");
        Kind kind = subject.kind();
        boolean tied = release.ties(subject.config());
        if (!isFive && isBaseModelWithHead(head, embedding)) {
            return ConsumerView.fails(
                    consumer,
                    "it takes keys without '%s.' for a base model's, which has no head".formatted(release.prefix()));
        }
        if (kind == Kind.SLICE_EQUAL || kind == Kind.SHAPE_MISMATCH) {
            return shapesDiffer(tied);
        }
        if (kind == Kind.QUANTISED) {
            return PresenceRules.quantised(subject, consumer, tied, why(tied));
        }
        load(head, Role.HEAD);
        load(embedding, Role.EMBEDDING);
        Optional<String> wrongRows = wrongRows(head, embedding);
        if (wrongRows.isPresent()) {
            return ConsumerView.fails(consumer, "size mismatch: " + wrongRows.get());
        }
        release.tied().forEach((alias, source) -> {
            load(alias);
            load(source);
        });
        release.always().forEach((alias, source) -> {
            load(alias);
            load(source);
        });
        Map<String, String> pairs = tied ? release.tied() : release.always();
        if (isFive) {
            tieFive(pairs);
        } else {
            pairs.forEach(this::tie);
        }
        boolean one = same(head, embedding);
        Source h = value(head);
        Source e = value(embedding);
        Outcome outcome =
                h == Source.RANDOM || e == Source.RANDOM ? Outcome.RANDOM : one ? Outcome.TIED : Outcome.UNTIED;
        boolean loses = one && outcome != Outcome.RANDOM && kind == Kind.BOTH_DIFFER && !equalAsLoaded();
        if (!isFive && tied && one && missing.contains(embedding) && !missing.contains(head)) {
            return ConsumerView.fails(
                    consumer, "it loads without an error but leaves the tied weight uninitialised; " + why(tied));
        }
        if (!isFive && (isOnlyListed(Role.HEAD, h) || isOnlyListed(Role.EMBEDDING, e))) {
            return ConsumerView.fails(
                    consumer, "it believes the index, and a weight that no shard has is left without data");
        }
        return new ConsumerView(consumer, outcome, one, h, e, loses, why(tied));
    }

    /// Looks at the tensors that the release loads; a tensor under another name may have any shape.
    private Optional<String> wrongRows(String head, String embedding) {
        Stream<PlacedTensor> loaded = Stream.concat(
                missing.contains(embedding) ? Stream.empty() : subject.pair().embedding().stream(),
                missing.contains(head) ? Stream.empty() : subject.pair().head().stream());
        return loaded.map(tensor -> VocabularyRows.wrongRows(subject.config(), release, tensor))
                .flatMap(Optional::stream)
                .findFirst();
    }

    /// Release 4 takes the names from the index, so it does not initialise what the index lists.
    private boolean isOnlyListed(Role role, Source loaded) {
        return loaded == Source.RANDOM
                && isListed(key(role))
                && !subject.tensors().containsKey(key(role))
                && subject.files().index().isPresent();
    }

    /// True if release 4 knows of a key; release 5 looks into the shards.
    private boolean isListed(String key) {
        return consumer == Consumer.TRANSFORMERS_5
                || subject.files()
                        .index()
                        .map(index -> index.weightMap().containsKey(key))
                        .orElse(true);
    }

    private boolean isBaseModelWithHead(String head, String embedding) {
        String start = release.prefix() + ".";
        return !release.prefix().isEmpty()
                && embedding.startsWith(start)
                && !head.startsWith(start)
                && subject.tensors().containsKey(head)
                && !hasKeysOf(start);
    }

    private void tieFive(Map<String, String> pairs) {
        for (Map.Entry<String, String> pair : pairs.entrySet()) {
            String target = pair.getKey();
            String source = pair.getValue();
            boolean sourceIsThere = !missing.contains(source);
            boolean targetIsThere = !missing.contains(target);
            if (sourceIsThere && targetIsThere) {
                if (!equal(target, source)) {
                    continue;
                }
            } else if (!sourceIsThere && targetIsThere) {
                String swap = target;
                target = source;
                source = swap;
            } else if (!sourceIsThere) {
                source = backup(pairs, target, source);
            }
            tie(target, source);
            missing.remove(target);
        }
    }

    /// Another alias of the same source that the files have; later pairs only.
    private String backup(Map<String, String> pairs, String target, String source) {
        boolean later = false;
        for (Map.Entry<String, String> pair : pairs.entrySet()) {
            if (later && pair.getValue().equals(source) && !missing.contains(pair.getKey())) {
                return pair.getKey();
            }
            later |= pair.getKey().equals(target);
        }
        return source;
    }

    private void tie(String target, String source) {
        weights.put(target, value(source));
        identity.put(target, identity.getOrDefault(source, 0));
    }

    private boolean same(String a, String b) {
        return identity.getOrDefault(a, -1).equals(identity.getOrDefault(b, -2));
    }

    private Source value(String name) {
        return weights.getOrDefault(name, Source.RANDOM);
    }

    private void load(String name, Role role) {
        Optional<String> key = subject.tensors().containsKey(key(role)) && isListed(key(role)) && loads(key(role), name)
                ? Optional.of(key(role))
                : Optional.empty();
        identity.put(name, identity.size() + 1);
        if (key.isPresent()) {
            boolean bothSame = subject.kind() == Kind.BOTH_EQUAL
                    || subject.kind() == Kind.BOTH_EQUAL_AFTER_CAST && equalAsLoaded();
            weights.put(name, bothSame ? Source.BOTH : role == Role.HEAD ? Source.HEAD : Source.EMBEDDING);
        } else {
            missing.add(name);
        }
    }

    /// Release 4 adds the base model's prefix to all keys or to none, and takes none away.
    private boolean loads(String key, String name) {
        boolean addsPrefix = name.equals(release.prefix() + "." + release.rename(key));
        boolean leaves = addsPrefix && hasKeysOf(release.prefix() + ".") || release.hasPrefixTooMuch(key, name);
        return release.loads(key, name) && !(consumer == Consumer.TRANSFORMERS_4 && leaves);
    }

    private boolean hasKeysOf(String start) {
        return subject.tensors().keySet().stream()
                .anyMatch(key -> release.rename(key).startsWith(start));
    }

    private String key(Role role) {
        return role == Role.HEAD ? subject.pair().headKey() : subject.pair().embeddingKey();
    }

    private void load(String name) {
        if (identity.containsKey(name)) {
            return;
        }
        identity.put(name, identity.size() + 1);
        if (subject.tensors().containsKey(name)) {
            weights.put(name, Source.EMBEDDING);
        } else {
            missing.add(name);
        }
    }

    /// `torch.equal` on the loaded values: a NaN is not equal to itself.
    private boolean equal(String a, String b) {
        boolean isPair =
                release.head().filter(name -> name.equals(a) || name.equals(b)).isPresent();
        if (isPair) {
            return equalAsLoaded();
        }
        PlacedTensor x = subject.tensors().get(a);
        PlacedTensor y = subject.tensors().get(b);
        return x == null || y == null || PairScan.isSame(x, y);
    }

    private boolean equalAsLoaded() {
        PhysicalState state = subject.state();
        return switch (state.kind()) {
            case BOTH_EQUAL -> subject.scan().damaged().notFinite() == 0;
            case BOTH_EQUAL_AFTER_CAST ->
                state.cast().orElseThrow().exact()
                        || consumer == Consumer.TRANSFORMERS_5
                                && loadedType().filter(this::isNarrow).isPresent();
            case BOTH_DIFFER -> state.difference().orElseThrow().isOnlySigns();
            default -> true;
        };
    }

    private boolean isNarrow(SafetensorsType type) {
        return type.bytes() == 2;
    }

    /// The type release 5 loads into: config.json's, or that of the first float tensor, by name, of
    /// the first file.
    private Optional<SafetensorsType> loadedType() {
        Optional<String> named =
                subject.files().configString("dtype").or(() -> subject.files().configString("torch_dtype"));
        if (named.isPresent()) {
            return switch (named.get()) {
                case "bfloat16" -> Optional.of(SafetensorsType.BF16);
                case "float16" -> Optional.of(SafetensorsType.F16);
                default -> Optional.of(SafetensorsType.F32);
            };
        }
        return subject.tensors().values().stream()
                .filter(tensor -> ElementReader.of(tensor.entry().type()).isPresent())
                .min(Comparator.comparing(PlacedTensor::fileName).thenComparing(PlacedTensor::key))
                .map(tensor -> tensor.entry().type());
    }

    private ConsumerView shapesDiffer(boolean tied) {
        return ConsumerView.fails(
                consumer,
                "head and embedding have different shapes, and its model (%s) gives both one"
                        .formatted(tied ? "tied" : "untied"));
    }

    private String why(boolean tied) {
        Optional<Boolean> said = ReleaseTies.flagAt(subject.config(), release.reads());
        String flag = release.reads().isEmpty() ? "tie_word_embeddings" : release.reads() + ".tie_word_embeddings";
        if (said.isPresent() && said.get() == tied) {
            return "%s is %s".formatted(flag, tied);
        }
        return said.isEmpty()
                ? "%s is absent; its default is %s".formatted(flag, tied)
                : "%s is %s, but its class decides %s".formatted(flag, said.get(), tied);
    }
}
