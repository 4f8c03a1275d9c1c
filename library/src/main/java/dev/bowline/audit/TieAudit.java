package dev.bowline.audit;

import dev.bowline.BowlineException;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.consumers.Consumers;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.SinceBase;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TiePair;
import dev.bowline.audit.findings.AdapterMerge;
import dev.bowline.audit.findings.AdapterRules;
import dev.bowline.audit.findings.BaseRules;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.audit.findings.Rules;
import dev.bowline.audit.findings.Severity;
import dev.bowline.audit.findings.Verdicts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The head and the input embedding of a checkpoint, and the pair that each consumer loads.
///
/// Read from the files alone: config.json, the headers, and the bytes of the pair once. No model is built and no native
/// library is loaded.
///
/// @param path the audited file or directory
/// @param architecture `architectures[0]` of config.json
/// @param flags `tie_word_embeddings` at every level of config.json, outermost first
/// @param pair the two tensors and why these
/// @param state the pair in the files
/// @param verdict in one sentence
/// @param consumers one view each, in the order of [Consumer]; of Bowline where [AuditOptions#load] is there
/// @param findings the worst first
/// @param sinceBase which side moved; present when a base was given
/// @param merge the effect of a merge on the tie; present when an adapter was given
public record TieAudit(
        Path path,
        Optional<String> architecture,
        List<FlagAt> flags,
        TiePair pair,
        PhysicalState state,
        String verdict,
        List<ConsumerView> consumers,
        List<Finding> findings,
        Optional<SinceBase> sinceBase,
        Optional<AdapterMerge> merge) {

    public TieAudit {
        flags = List.copyOf(flags);
        consumers = List.copyOf(consumers);
        findings = List.copyOf(findings);
    }

    /// @param path a checkpoint directory or one .safetensors file
    /// @throws BowlineException when nothing there can be read
    public static TieAudit of(Path path) {
        return of(path, AuditOptions.NONE);
    }

    public static TieAudit of(Path path, AuditOptions options) {
        return of(Subject.read(path, options.load()), options);
    }

    public static TieAudit of(Subject subject, AuditOptions options) {
        List<ConsumerView> views = subject.pair().hasHead() ? Consumers.views(subject) : List.of();
        List<Finding> findings = new ArrayList<>(Rules.check(subject, views));
        Optional<Subject> base = options.base().map(each -> Subject.read(each, options.load()));
        Optional<SinceBase> sinceBase = base.map(each -> SinceBase.of(subject, each));
        sinceBase.ifPresent(moved -> findings.addAll(BaseRules.check(subject, base.orElseThrow(), moved)));
        Optional<AdapterRules> adapter = options.adapter().map(each -> AdapterRules.of(subject, each));
        adapter.ifPresent(rules -> findings.addAll(rules.findings()));
        findings.sort(Comparator.comparing(Finding::severity).reversed().thenComparing(Finding::code));
        return new TieAudit(
                subject.files().path(),
                subject.pair().architecture(),
                subject.flags(),
                subject.pair(),
                subject.state(),
                Verdicts.sentence(subject, views, findings),
                views,
                findings,
                sinceBase,
                adapter.map(
                        rules -> new AdapterMerge(options.adapter().orElseThrow(), rules.effect(), rules.readers())));
    }

    /// The worst finding's severity; empty when there is none.
    public Optional<Severity> worst() {
        return findings.stream().map(Finding::severity).max(Comparator.naturalOrder());
    }

    /// The worst severity in lower case; `clean` when there is no finding.
    public String worstWord() {
        return worst().map(severity -> severity.name().toLowerCase(Locale.ROOT)).orElse("clean");
    }

    public ConsumerView consumer(Consumer consumer) {
        return consumers.stream()
                .filter(view -> view.consumer() == consumer)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "no view of %s: there is no head, or the caller gave no loader".formatted(consumer)));
    }

    public boolean has(FindingCode code) {
        return findings.stream().anyMatch(finding -> finding.code() == code);
    }
}
