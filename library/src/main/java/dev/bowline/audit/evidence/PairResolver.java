package dev.bowline.audit.evidence;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Stream;

/// Finds the head and the input embedding among a checkpoint's keys: by what the architecture's class loads, and where
/// no table knows it, by the names that heads and embeddings have.
public final class PairResolver {

    private static final Set<SafetensorsType> PACKED =
            EnumSet.of(SafetensorsType.U8, SafetensorsType.I8, SafetensorsType.I32, SafetensorsType.U32);
    private static final Set<SafetensorsType> SCALED =
            EnumSet.of(SafetensorsType.F8_E4M3, SafetensorsType.F8_E5M2, SafetensorsType.I8);

    private final SequencedMap<String, PlacedTensor> tensors;
    private final Optional<String> architecture;
    private final Optional<TieTable.Entry> entry;
    private final boolean headless;
    private final boolean saysTied;
    private final List<Candidates.Guess> guesses = new ArrayList<>();

    private PairResolver(
            SequencedMap<String, PlacedTensor> tensors,
            Optional<String> architecture,
            Optional<TieTable.Entry> entry,
            boolean headless,
            boolean saysTied) {
        this.tensors = tensors;
        this.architecture = architecture;
        this.entry = entry;
        this.headless = headless;
        this.saysTied = saysTied;
        tensors.keySet().forEach(key -> Candidates.guess(key).ifPresent(guesses::add));
        guesses.sort(Comparator.comparingInt(Candidates.Guess::rank).thenComparing(Candidates.Guess::key));
    }

    public static TiePair resolve(
            SequencedMap<String, PlacedTensor> tensors, Optional<JsonObject> config, TieTable table) {
        Optional<String> architecture = config.flatMap(PairResolver::architecture);
        Optional<TieTable.Entry> entry = architecture.flatMap(table::find);
        boolean headless = architecture.isPresent()
                && (table.isHeadless(architecture.get())
                        || architecture
                                .flatMap(NemoPolicy::find)
                                .map(policy -> policy.support().isEmpty())
                                .orElse(false));
        boolean saysTied = config.map(Flags::of).orElse(List.of()).stream()
                .anyMatch(flag -> flag.value().orElse(false));
        return new PairResolver(tensors, architecture, entry, headless, saysTied).pair();
    }

    static Optional<String> architecture(JsonObject config) {
        return config.get("architectures")
                .filter(JsonArray.class::isInstance)
                .map(JsonValue::asArray)
                .filter(names -> names.size() > 0 && names.get(0) instanceof JsonString)
                .map(names -> names.get(0).asString());
    }

    private TiePair pair() {
        Map<Role, String> keys = new EnumMap<>(Role.class);
        Map<Role, String> reasons = new EnumMap<>(Role.class);
        for (Role role : Role.values()) {
            choose(role, keys, reasons);
        }
        String head = String.valueOf(keys.get(Role.HEAD));
        String embedding = String.valueOf(keys.get(Role.EMBEDDING));
        boolean hasHead = !headless && (entry.isPresent() ? tableName(Role.HEAD).isPresent() : looksCausal());
        return new TiePair(
                architecture,
                head,
                embedding,
                Optional.ofNullable(tensors.get(head)),
                Optional.ofNullable(tensors.get(embedding)),
                parts(head),
                parts(embedding),
                auxiliary(head, embedding),
                unmapped(head),
                hasHead,
                "%s; %s".formatted(reasons.get(Role.HEAD), reasons.get(Role.EMBEDDING)));
    }

    private void choose(Role role, Map<Role, String> keys, Map<Role, String> reasons) {
        Optional<String> name = tableName(role);
        if (name.isPresent()) {
            Optional<String> key = mapped(role);
            keys.put(role, key.orElseGet(() -> fileName(role, name.get())));
            reasons.put(role, "%s is %s of %s".formatted(keys.get(role), role, architecture.orElse("")));
            return;
        }
        Optional<Candidates.Guess> guess = guess(role);
        if (guess.isPresent()) {
            keys.put(role, guess.get().key());
            reasons.put(
                    role,
                    "%s by its name: no table knows %s"
                            .formatted(guess.get().key(), architecture.orElse("the architecture")));
            return;
        }
        Optional<String> stem = tensors.keySet().stream()
                .flatMap(key -> Candidates.quantisedStem(key).stream())
                .filter(each -> Candidates.guess(each + ".weight")
                        .filter(found -> found.role() == role && !found.auxiliary())
                        .isPresent())
                .findFirst();
        keys.put(
                role,
                stem.map(each -> each + ".weight")
                        .orElse(role == Role.HEAD ? "lm_head.weight" : "model.embed_tokens.weight"));
        reasons.put(
                role,
                stem.isPresent()
                        ? "%s by the name of its quantised parts".formatted(keys.get(role))
                        : "no key looks like the %s".formatted(role));
    }

    private Optional<Candidates.Guess> guess(Role role) {
        return guesses.stream()
                .filter(each -> each.role() == role && !each.auxiliary())
                .findFirst();
    }

    /// The name a parameter has in files of this checkpoint's spelling, told from where the other of the pair stands.
    private String fileName(Role role, String parameter) {
        Optional<String> spelled = switch (role) {
            case HEAD -> mapped(Role.EMBEDDING).flatMap(key -> besideEmbedding(key, parameter));
            case EMBEDDING -> mapped(Role.HEAD).flatMap(key -> besideHead(key, parameter));
        };
        if (spelled.filter(key -> anyLoads(key, parameter)).isPresent()) {
            return spelled.get();
        }
        String prefix = entry.map(each -> each.newest().prefix()).orElse("");
        boolean bare = !prefix.isEmpty()
                && parameter.startsWith(prefix + ".")
                && tensors.keySet().stream().noneMatch(key -> key.startsWith(prefix + "."))
                && role == Role.EMBEDDING
                && !tensors.isEmpty();
        return bare ? parameter.substring(prefix.length() + 1) : parameter;
    }

    /// `language_model.lm_head.weight` next to `language_model.model.embed_tokens.weight`.
    private static Optional<String> besideEmbedding(String embedding, String head) {
        int inner = embedding.lastIndexOf(".model.");
        return inner < 0 ? Optional.empty() : Optional.of(embedding.substring(0, inner) + "." + leaf(head));
    }

    /// The reverse.
    private static Optional<String> besideHead(String head, String embedding) {
        String leaf = leaf(head);
        return head.equals(leaf)
                ? Optional.empty()
                : Optional.of(head.substring(0, head.length() - leaf.length()) + "model." + leaf(embedding));
    }

    /// The last module of a key, with its `.weight`.
    public static String leaf(String key) {
        int end = key.lastIndexOf('.');
        return key.substring(key.lastIndexOf('.', end - 1) + 1);
    }

    private boolean anyLoads(String key, String parameter) {
        return entry.stream()
                .flatMap(each -> Stream.concat(each.v5().stream(), each.v4().stream()))
                .anyMatch(release -> release.loads(key, parameter));
    }

    private Optional<String> tableName(Role role) {
        return entry.map(TieTable.Entry::newest).flatMap(release -> name(release, role));
    }

    private static Optional<String> name(ReleaseTies release, Role role) {
        return switch (role) {
            case HEAD -> release.head();
            case EMBEDDING -> release.embedding();
        };
    }

    /// The file's key that either release loads as the parameter; the exact name first.
    private Optional<String> mapped(Role role) {
        List<ReleaseTies> releases = entry.stream()
                .flatMap(each -> Stream.concat(each.v5().stream(), each.v4().stream()))
                .toList();
        for (ReleaseTies release : releases) {
            Optional<String> name = name(release, role);
            if (name.isEmpty()) {
                continue;
            }
            Optional<String> found = candidates(name.get(), release.prefix())
                    .filter(key -> tensors.containsKey(key) || !parts(key).isEmpty())
                    .filter(key -> release.loads(key, name.get()))
                    .findFirst();
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    private Stream<String> candidates(String name, String prefix) {
        Stream<String> spelled = Stream.of(
                name, prefix + "." + name, name.startsWith(prefix + ".") ? name.substring(prefix.length() + 1) : name);
        Stream<String> quantised = tensors.keySet().stream()
                .flatMap(key -> Candidates.quantisedStem(key).stream())
                .map(stem -> stem + ".weight");
        return Stream.of(spelled, guesses.stream().map(Candidates.Guess::key), quantised)
                .flatMap(each -> each);
    }

    /// The parts of a quantised tensor; empty for a plain one.
    private List<String> parts(String key) {
        String stem = key.endsWith(".weight") ? key.substring(0, key.length() - ".weight".length()) : key;
        List<String> parts = new ArrayList<>(Candidates.quantisedKeys(stem).stream()
                .filter(tensors::containsKey)
                .toList());
        PlacedTensor plain = tensors.get(key);
        boolean packed = plain != null
                && (PACKED.contains(plain.entry().type())
                        || SCALED.contains(plain.entry().type()));
        if (packed || plain != null && !parts.isEmpty()) {
            parts.addFirst(key);
        }
        return parts;
    }

    private List<String> auxiliary(String head, String embedding) {
        return guesses.stream()
                .filter(each -> each.auxiliary() || ranksAsRival(each))
                .map(Candidates.Guess::key)
                .filter(key -> !key.equals(head) && !key.equals(embedding))
                .filter(key -> !isAlias(key))
                .filter(key -> key.endsWith("lm_head.weight") || key.endsWith("embed_tokens.weight"))
                .toList();
    }

    private static boolean ranksAsRival(Candidates.Guess guess) {
        return guess.key().endsWith("lm_head.weight") || guess.key().endsWith("embed_tokens.weight");
    }

    /// True if the architecture ties it into the same group, like an encoder's embedding.
    private boolean isAlias(String key) {
        return entry.map(TieTable.Entry::newest)
                .map(release -> release.tied().keySet().stream().anyMatch(alias -> release.loads(key, alias))
                        || release.tied().values().stream().anyMatch(source -> release.loads(key, source)))
                .orElse(false);
    }

    /// Heads that exist, while the architecture's own name for the head is not among the keys.
    private List<String> unmapped(String head) {
        if (tableName(Role.HEAD).isEmpty()
                || tensors.containsKey(head)
                || !parts(head).isEmpty()) {
            return List.of();
        }
        return guesses.stream()
                .filter(each -> each.role() == Role.HEAD && !each.auxiliary())
                .map(Candidates.Guess::key)
                .filter(key -> key.endsWith("lm_head.weight"))
                .toList();
    }

    /// By the architecture's name; without one, by a head in the files, or by a flag that ties one to the embedding.
    private boolean looksCausal() {
        return architecture
                .map(name -> name.contains("ForCausalLM")
                        || name.contains("LMHead")
                        || name.contains("ForConditionalGeneration")
                        || name.contains("ForMaskedLM")
                        || NemoPolicy.find(name).flatMap(NemoPolicy::support).isPresent())
                .orElseGet(() -> guess(Role.HEAD).isPresent()
                        || saysTied && guess(Role.EMBEDDING).isPresent());
    }
}
