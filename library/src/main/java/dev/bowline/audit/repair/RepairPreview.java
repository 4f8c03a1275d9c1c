package dev.bowline.audit.repair;

import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.DamagedRows;
import dev.bowline.audit.evidence.Flags;
import dev.bowline.audit.evidence.PairResolver;
import dev.bowline.audit.evidence.PairScan;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TiePair;
import dev.bowline.audit.evidence.TieTable;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// The audit that a plan's result will have, told before anything is written: the same bytes under other names.
final class RepairPreview {

    private RepairPreview() {}

    static TieAudit audit(Straightened straight, RepairPlan plan) {
        if (plan.changesNothing()) {
            return plan.before();
        }
        Subject subject = straight.subject();
        RepairedHeaders repaired = RepairedHeaders.of(plan, straight.source());
        SourceFiles files = new SourceFiles(
                subject.files().path(),
                subject.files().directory(),
                Optional.of(repaired.config()),
                repaired.headers(),
                repaired.index(),
                List.of(),
                subject.files().unnamed(),
                subject.files().stray(),
                List.of());
        SequencedMap<String, PlacedTensor> tensors = files.tensors();
        TiePair pair = PairResolver.resolve(tensors, files.config(), TieTable.shipped());
        Subject after = new Subject(
                files,
                repaired.config(),
                Flags.of(repaired.config()),
                tensors,
                pair,
                plan.rebuilt().isPresent() ? healthy(scan(subject, pair)) : scan(subject, pair),
                subject.table(),
                subject.nemo(),
                subject.load());
        return TieAudit.of(after, AuditOptions.of(subject.load()));
    }

    /// The rest is padding.
    private static PairScan healthy(PairScan scan) {
        return new PairScan(scan.state(), DamagedRows.Found.NONE);
    }

    /// The known equality of the pair's bytes; they are read again only where it is unknown.
    private static PairScan scan(Subject before, TiePair after) {
        boolean sameHead = isSame(before.pair().head(), after.head());
        boolean sameEmbedding = isSame(before.pair().embedding(), after.embedding());
        if (sameHead && sameEmbedding) {
            return before.scan();
        }
        if (sameEmbedding && after.head().isEmpty() && !after.isQuantised()) {
            return new PairScan(PhysicalState.of(Kind.EMBED_ONLY), before.scan().damaged());
        }
        return PairScan.of(after);
    }

    private static boolean isSame(Optional<PlacedTensor> a, Optional<PlacedTensor> b) {
        return a.map(PlacedTensor::file).equals(b.map(PlacedTensor::file))
                && a.map(PlacedTensor::start).equals(b.map(PlacedTensor::start));
    }
}
