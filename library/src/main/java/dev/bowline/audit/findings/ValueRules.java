package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.Remedy.Decision;
import dev.bowline.audit.evidence.DamagedRows;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.HeadStatistics;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.RebuiltRows;
import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.Tokens;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Values that no training leaves: a head as initialised, rows of nothing.
final class ValueRules {

    private static final double DEFAULT_INITIALIZER = 0.02;
    private static final int ENOUGH_ROWS = 16;

    private ValueRules() {}

    static List<Finding> check(Subject subject) {
        List<Finding> findings = new ArrayList<>();
        head(subject).ifPresent(findings::add);
        rows(subject).ifPresent(findings::add);
        return findings;
    }

    private static Optional<Finding> head(Subject subject) {
        boolean own = subject.kind() == Kind.BOTH_DIFFER || subject.kind() == Kind.HEAD_ONLY;
        if (!own) {
            return Optional.empty();
        }
        return HeadStatistics.of(
                        subject.pair().head().orElseThrow(), subject.pair().embedding())
                .flatMap(statistics -> judged(subject, statistics));
    }

    private static Optional<Finding> judged(Subject subject, HeadStatistics statistics) {
        long width = subject.pair().head().orElseThrow().entry().shape().get(1);
        double initializer = subject.flags().stream()
                .map(FlagAt::level)
                .flatMap(level -> ReleaseTies.objectAt(subject.config(), level).stream())
                .flatMap(object -> object.get("initializer_range").stream())
                .filter(JsonNumber.class::isInstance)
                .mapToDouble(JsonValue::asDouble)
                .findFirst()
                .orElse(DEFAULT_INITIALIZER);
        boolean familyTied = subject.asked().contains(true)
                || subject.table().map(entry -> entry.newest().defaultTied()).orElse(false);
        boolean asDrawn = statistics.rows() >= ENOUGH_ROWS
                && Math.abs(statistics.deviation() / initializer - 1) < 0.05
                && statistics.normSpread() < 1.5 * HeadStatistics.initialisedSpread(width)
                && Math.abs(statistics.cosine()) < 3 / Math.sqrt((double) statistics.rows() * width) + 0.01;
        if (!statistics.constant() && !(asDrawn && familyTied)) {
            return Optional.empty();
        }
        return Optional.of(new Finding(
                FindingCode.T15,
                Severity.CRITICAL,
                statistics.constant()
                        ? "all elements of the head have the same value: the head was never trained"
                        : "the values of the head match a fresh initialisation, and models of this family are tied",
                List.of(
                        new Evidence("deviation of the elements", number(statistics.deviation())),
                        new Evidence("initializer_range", number(initializer)),
                        new Evidence("spread of the row norms", number(statistics.normSpread())),
                        new Evidence("spread if drawn", number(HeadStatistics.initialisedSpread(width))),
                        new Evidence("mean cosine with the embedding", number(statistics.cosine())),
                        new Evidence("rows looked at", String.valueOf(statistics.rows()))),
                familyTied
                        ? Fix.of("if the model was trained tied: ").and(Rules.keepEmbedding(subject))
                        : Fix.of("restore %s from the base model"
                                .formatted(subject.pair().headKey()))));
    }

    private static Optional<Finding> rows(Subject subject) {
        DamagedRows.Found damaged = subject.scan().damaged();
        if (damaged.notFinite() == 0 && subject.paddingRows().containsAll(damaged.rows())) {
            return Optional.empty();
        }
        List<Long> special = Tokens.special(subject.files().directory());
        boolean hitsSpecial = damaged.rows().stream().anyMatch(special::contains);
        List<Long> shown = damaged.rows().subList(0, Math.min(20, damaged.rows().size()));
        return Optional.of(new Finding(
                FindingCode.T16,
                hitsSpecial ? Severity.HIGH : Severity.MEDIUM,
                "%d rows of the input embedding are %s"
                        .formatted(damaged.count(), damaged.notFinite() > 0 ? "zero or not finite" : "zero"),
                List.of(
                        new Evidence("rows", shown.toString()),
                        new Evidence("not finite", String.valueOf(damaged.notFinite())),
                        new Evidence("tokens", Tokens.of(subject.files().directory(), shown))),
                rowsFix(subject)));
    }

    private static Fix rowsFix(Subject subject) {
        String restore = "restore these rows from the base model";
        Optional<String> doubt =
                subject.saysTied() ? Optional.of("a tied head has the same rows") : RebuiltRows.doubt(subject);
        return doubt.map(why -> Fix.of("%s; they cannot be rebuilt from the head: %s".formatted(restore, why)))
                .orElseGet(() -> Fix.of(restore + ", or compute them from the head's rows as NeMo AutoModel does: ")
                        .and(Remedy.Repair.inPlace(subject.files().directory(), Decision.REBUILD_ROWS)));
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.4g", value);
    }
}
