package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.audit.consumers.Consumers;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TieTable;
import dev.bowline.ties.TieSupport;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Levels of the flag against each other, against defaults and against policies.
final class FlagRules {

    private static final Pattern DRAFT = Pattern.compile("(?i).*(eagle|dflash|medusa|speculator|draft|mtpmodel).*");

    private final Subject subject;
    private final List<Finding> findings = new ArrayList<>();

    FlagRules(Subject subject) {
        this.subject = subject;
    }

    List<Finding> check() {
        if (subject.files().config().isEmpty()) {
            return List.of();
        }
        boolean conflict = levelConflict();
        if (!conflict) {
            absentDefault();
        }
        draft();
        policy();
        return findings;
    }

    private boolean levelConflict() {
        List<FlagAt> said = subject.flags().stream()
                .filter(flag -> flag.value().isPresent())
                .toList();
        boolean levelsDiffer = said.stream().map(FlagAt::value).distinct().count() > 1;
        boolean releasesDiffer = !said.isEmpty() && releasesDiffer();
        if (!levelsDiffer && !releasesDiffer) {
            return false;
        }
        add(
                FindingCode.T03,
                decidesTheModel() ? Severity.CRITICAL : Severity.HIGH,
                levelsDiffer
                        ? "config.json contradicts itself: " + describe(said)
                        : "transformers 4 and 5 read the flag differently: %s and %s"
                                .formatted(word(subject.v4()), word(subject.v5())),
                Rules.repair(subject));
        return true;
    }

    private boolean releasesDiffer() {
        return subject.v4().isPresent()
                && subject.v5().isPresent()
                && !subject.v4().equals(subject.v5());
    }

    /// True if the flag alone decides which values are loaded.
    private boolean decidesTheModel() {
        return subject.kind() == Kind.BOTH_DIFFER || subject.kind() == Kind.EMBED_ONLY;
    }

    private void absentDefault() {
        Optional<String> silent = silentLevel();
        if (silent.isEmpty()) {
            return;
        }
        boolean critical = releasesDiffer() && subject.kind() != Kind.BOTH_EQUAL;
        add(
                FindingCode.T04,
                critical ? Severity.CRITICAL : Severity.HIGH,
                "config.json does not set %s, so each program uses its own default%s"
                        .formatted(
                                silent.get(),
                                subject.table().isPresent()
                                        ? ": transformers 4 %s, transformers 5 %s"
                                                .formatted(word(subject.v4()), word(subject.v5()))
                                        : ""),
                Rules.repair(subject));
    }

    /// A level that a release decides by and that says nothing.
    private Optional<String> silentLevel() {
        if (subject.table().isEmpty()) {
            boolean silent =
                    subject.flags().stream().noneMatch(flag -> flag.value().isPresent());
            return silent ? Optional.of("tie_word_embeddings") : Optional.empty();
        }
        return java.util.stream.Stream.of(
                        subject.table().flatMap(TieTable.Entry::v4),
                        subject.table().flatMap(TieTable.Entry::v5))
                .flatMap(Optional::stream)
                .filter(ReleaseTies::canTie)
                .map(ReleaseTies::reads)
                .filter(level -> ReleaseTies.flagAt(subject.config(), level).isEmpty())
                .map(level -> new FlagAt(level, Optional.empty()).key())
                .findFirst();
    }

    private void draft() {
        boolean draft = subject.config().has("draft_vocab_size")
                || subject.pair()
                        .architecture()
                        .filter(name -> DRAFT.matcher(name).matches())
                        .isPresent();
        boolean tied = subject.flags().stream().anyMatch(flag -> flag.value().orElse(false));
        if (draft && tied) {
            add(
                    FindingCode.T24,
                    Severity.HIGH,
                    "a draft model says tied, a flag inherited from its target: a save would drop the draft's own head",
                    Fix.of("set tie_word_embeddings to false in %s"
                            .formatted(subject.files().directory().resolve(SourceFiles.CONFIG))));
        }
    }

    private void policy() {
        Optional<TieSupport> support = Consumers.nemoRefusal(subject);
        if (support.isEmpty()) {
            return;
        }
        add(
                FindingCode.T25,
                Severity.LOW,
                "NeMo AutoModel's policy for %s is %s, but the flag says otherwise; the policy may be outdated"
                        .formatted(subject.pair().architecture().orElse(""), support.get()),
                Fix.of("no action unless you train with NeMo AutoModel"));
    }

    private static String describe(List<FlagAt> flags) {
        return flags.stream()
                .map(flag -> "%s is %s".formatted(flag.key(), flag.value().orElse(false)))
                .collect(Collectors.joining(", "));
    }

    private static String word(Optional<Boolean> tied) {
        return tied.map(each -> each ? "tied" : "untied").orElse("has no such class");
    }

    private void add(FindingCode code, Severity severity, String what, Fix fix) {
        List<Evidence> evidence = subject.flags().stream()
                .map(flag -> new Evidence(
                        flag.key(), flag.value().map(String::valueOf).orElse("absent")))
                .toList();
        findings.add(new Finding(code, severity, what, evidence, fix));
    }
}
