package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.audit.evidence.PairScan;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.safetensors.PeftAdapter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The effect of merging a PEFT adapter on a tied pair.
public final class AdapterRules {

    private static final String NEITHER =
            "the adapter touches neither head nor input embedding, so a merge does not change the tie";

    private final AdapterFacts facts;
    private final List<Finding> fit;
    private final Subject subject;
    private final List<PlacedTensor> tensors;
    private final boolean tied;
    private final boolean head;
    private final boolean embedding;
    private final List<PlacedTensor> heads;
    private final List<PlacedTensor> embeddings;
    private final boolean bothCopies;
    private final boolean equalCopies;
    private final boolean tokensOnly;
    private final boolean sharedDelta;

    public static AdapterRules of(Subject subject, Path adapter) {
        return new AdapterRules(AdapterFacts.read(subject, adapter));
    }

    private AdapterRules(AdapterFacts facts) {
        this.facts = facts;
        fit = AdapterFit.check(facts);
        subject = facts.base();
        tensors = facts.tensors();
        tied = isTied(subject);
        head = touches(Role.HEAD);
        embedding = touches(Role.EMBEDDING);
        heads = copies(Role.HEAD);
        embeddings = copies(Role.EMBEDDING);
        bothCopies = !heads.isEmpty() && !embeddings.isEmpty();
        equalCopies = bothCopies && PairScan.isSame(heads.getFirst(), embeddings.getFirst());
        tokensOnly = trainsTokens() && !isNamed(Role.HEAD) && !isNamed(Role.EMBEDDING);
        sharedDelta = head && embedding && !bothCopies && facts.isTrue("ensure_weight_tying");
    }

    /// True if head and input embedding of the base are one value.
    static boolean isTied(Subject subject) {
        return subject.saysTied() && subject.kind() != Kind.BOTH_DIFFER;
    }

    /// The effect in every program that loads the files.
    public List<AdapterView> readers() {
        return AdapterViews.of(facts);
    }

    /// The effect of a merge on the tie, in one clause.
    public String effect() {
        if (!head && !embedding) {
            return NEITHER;
        }
        return tied
                ? merge()
                : "the checkpoint is not tied, so a merge changes %s and no other"
                        .formatted(
                                head && embedding
                                        ? "head and input embedding"
                                        : head ? "the head" : "the input embedding");
    }

    /// The problems of the adapter, or of a merge of it.
    public List<Finding> findings() {
        List<Finding> findings = new ArrayList<>(fit);
        if (tensors.isEmpty()) {
            findings.add(new Finding(
                    FindingCode.T31,
                    Severity.HIGH,
                    "the adapter has no tensors in %s, so only its adapter_config.json was compared"
                            .formatted(PeftAdapter.WEIGHTS_FILE),
                    List.of(),
                    "download %s, or save the adapter again with PEFT's save_pretrained"
                            .formatted(PeftAdapter.WEIGHTS_FILE)));
        }
        tie().ifPresent(findings::add);
        return findings;
    }

    private Optional<Finding> tie() {
        if (!tied || !head && !embedding) {
            return Optional.empty();
        }
        boolean ensured = facts.isTrue("ensure_weight_tying");
        return Optional.of(new Finding(
                FindingCode.T12,
                isHarmless() ? Severity.LOW : Severity.CRITICAL,
                "the base is tied, and the adapter changes %s; %s".formatted(what(), merge()),
                List.of(
                        new Evidence("touches the head", String.valueOf(head)),
                        new Evidence("touches the embedding", String.valueOf(embedding)),
                        new Evidence(
                                "full copies",
                                bothCopies
                                        ? equalCopies ? "two, equal" : "two, different"
                                        : String.valueOf(heads.size() + embeddings.size())),
                        new Evidence("ensure_weight_tying", String.valueOf(ensured))),
                isHarmless()
                        ? Fix.of("no action: merge the adapter into the tied checkpoint and keep the flag true")
                        : Fix.of("merge each change into its own module, which sets the flag to false: ")
                                .and(new Remedy.MergeAdapter(Optional.of(facts.baseDirectory()), facts.directory()))
                                .and(" ")
                                .and(Remedy.TieMode.UNTIE)));
    }

    /// True if the tied model was trained with one value for both, the way a merge leaves it.
    private boolean isHarmless() {
        return equalCopies || tokensOnly || sharedDelta;
    }

    private String what() {
        if (tokensOnly) {
            return "rows of both, as the tie has them";
        }
        if (sharedDelta) {
            return "both by one delta";
        }
        if (bothCopies) {
            return equalCopies ? "both by equal copies" : "both by copies that differ";
        }
        return head && embedding
                ? "head and embedding each by its own delta"
                : head ? "the head alone" : "the embedding alone";
    }

    /// PEFT exchanges a module for its full copy, and adds a delta to the weight that is there.
    private String merge() {
        if (isHarmless()) {
            return "a merge gives one value";
        }
        if (bothCopies || head != embedding && !(head ? heads : embeddings).isEmpty()) {
            return "a merge gives two values, and the flag must turn to false";
        }
        return head && !embedding
                ? "a merge into the shared tensor changes the input embedding too"
                : !head
                        ? "a merge into the shared tensor changes the output too"
                        : "a merge adds both deltas to the shared tensor";
    }

    private boolean touches(Role role) {
        String last = last(module(role));
        return isNamed(role)
                || role == Role.EMBEDDING && trainsTokens()
                || tensors.stream().anyMatch(tensor -> tensor.key().contains("." + last + "."));
    }

    private boolean isNamed(Role role) {
        String module = module(role);
        return Stream.of("target_modules", "modules_to_save")
                .flatMap(key -> facts.names(key).stream())
                .anyMatch(name -> isModule(name, module));
    }

    /// Rows of the input embedding; PEFT trains and merges them for a tied head too.
    private boolean trainsTokens() {
        return facts.isSet("trainable_token_indices");
    }

    private List<PlacedTensor> copies(Role role) {
        String last = last(module(role));
        return tensors.stream()
                .filter(tensor -> tensor.key().endsWith("." + last + ".weight")
                        || tensor.key().contains("." + last + ".modules_to_save"))
                .filter(tensor ->
                        !tensor.key().contains("lora_") && !tensor.key().contains(".base_layer."))
                .toList();
    }

    private String module(Role role) {
        String key =
                role == Role.HEAD ? subject.pair().headKey() : subject.pair().embeddingKey();
        return key.substring(0, key.length() - ".weight".length());
    }

    private static String last(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }

    /// PEFT matches a whole name or its end after a dot; `all-linear` leaves the output layer out.
    private static boolean isModule(String name, String module) {
        return module.equals(name) || module.endsWith("." + name) || name.equals(last(module));
    }
}
