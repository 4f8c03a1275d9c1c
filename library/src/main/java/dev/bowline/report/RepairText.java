package dev.bowline.report;

import dev.bowline.audit.repair.RepairPlan;

/// The steps of a repair and the values that it loses.
public final class RepairText implements TextRenderer<RepairPlan> {

    @Override
    public String text(RepairPlan plan) {
        if (plan.changesNothing()) {
            return "Repair\n  there is nothing to do\n";
        }
        StringBuilder text = new StringBuilder("Repair\n");
        plan.steps().forEach(step -> text.append(AuditText.wrap(step, "  - ")));
        plan.losses().forEach(loss -> text.append(AuditText.wrap("LOST " + loss, "  - ")));
        return text.toString();
    }
}
