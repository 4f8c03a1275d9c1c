package dev.bowline.report;

import dev.bowline.Remedy;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.repair.RepairPlan;
import dev.bowline.audit.repair.RepairResult;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import java.util.Optional;
import java.util.function.Function;

/// A repair with the audits before and after it.
public final class RepairJson implements JsonRenderer<RepairResult> {

    private final AuditJson audits;

    /// @param spelling of the operations in fixes
    public RepairJson(Function<Remedy, String> spelling) {
        audits = new AuditJson(spelling);
    }

    @Override
    public JsonObject json(RepairResult result) {
        RepairPlan plan = result.plan();
        Optional<TieAudit> after = result.after();
        return JsonObject.of()
                .with("applied", after.isPresent())
                .with("changes_nothing", plan.changesNothing())
                .with("steps", JsonArray.ofStrings(plan.steps()))
                .with("losses", JsonArray.ofStrings(plan.losses()))
                .with("before", audits.json(plan.before()))
                .with("after", AuditJson.optional(after.map(audits::json)));
    }
}
