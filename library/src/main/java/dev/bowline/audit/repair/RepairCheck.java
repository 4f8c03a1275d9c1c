package dev.bowline.audit.repair;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.Remedy.Decision;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.audit.findings.Severity;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// The conditions that the audit of a result must meet, or the repair does not happen: the result still has a
/// head, nothing that a repair settles is left, and nothing bad is new. The other findings are about values that only
/// the owner can restore, and were there before.
final class RepairCheck {

    private RepairCheck() {}

    static void require(RepairPlan plan, TieAudit after) {
        if (!after.pair().hasHead()) {
            throw new BowlineException(
                    "%s is not repaired: its result would be taken for a model without a head"
                            .formatted(plan.before().path()),
                    "name its class in config.json: \"architectures\": [\"LlamaForCausalLM\"] or what it is; nothing was"
                            + " written");
        }
        List<Finding> left = after.findings().stream()
                .filter(finding -> settles(plan, finding.code())
                        || finding.severity().isAtLeast(Severity.HIGH)
                                && !plan.before().has(finding.code())
                                && !isLeft(plan, after, finding))
                .toList();
        if (!left.isEmpty()) {
            Finding first = left.getFirst();
            throw new BowlineException(
                    "%s is not repaired: its result would have %s: %s"
                            .formatted(plan.before().path(), first.code().id(), first.what()),
                    plan.tied()
                            ? Fix.of("see ")
                                    .and(new Remedy.Audit(plan.before().path()))
                                    .and("; nothing was written")
                            : Fix.of("some reader takes it for tied whatever the flag says: decide with ")
                                    .and(new Remedy.Decide(Decision.TIED))
                                    .and(", ")
                                    .and(new Remedy.Decide(Decision.KEEP_HEAD))
                                    .and(" or ")
                                    .and(new Remedy.Decide(Decision.KEEP_EMBEDDING))
                                    .and("; nothing was written"));
        }
    }

    /// True if it is about a consumer that is silently wrong for every checkpoint, and was so before.
    private static boolean isLeft(RepairPlan plan, TieAudit after, Finding finding) {
        return finding.code() == FindingCode.T25 && silentlyWrong(plan.before()).containsAll(silentlyWrong(after));
    }

    private static boolean settles(RepairPlan plan, FindingCode code) {
        return switch (code) {
            case T01, T02, T02B, T02C, T03, T04, T05, T07, T08, T11, T13, T19, T22 -> true;
            case T10 -> plan.vocabulary().isPresent();
            case T16 -> plan.rebuilt().isPresent();
            case T21 -> plan.tied();
            case T06, T09, T12, T14, T15, T17, T18, T20, T23, T24, T25, T26 -> false;
            case T27, T28, T29, T30, T31, T32, T33, T34, T35, T36, T37, T38 -> false;
        };
    }

    /// The consumers that are silently wrong.
    private static Set<Consumer> silentlyWrong(TieAudit audit) {
        return audit.consumers().stream()
                .filter(ConsumerView::isSilentlyWrong)
                .map(ConsumerView::consumer)
                .collect(Collectors.toSet());
    }
}
