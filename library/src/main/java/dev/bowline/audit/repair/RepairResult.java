package dev.bowline.audit.repair;

import dev.bowline.audit.TieAudit;
import java.util.Optional;

/// A repair and its outcome.
///
/// @param after the audit of the written result; empty when nothing was written
public record RepairResult(RepairPlan plan, Optional<TieAudit> after) {}
