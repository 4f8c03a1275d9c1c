/// The audit of a checkpoint, from its files alone: no model code and no libtorch. [TieAudit] puts the evidence of the
/// files, the view of every consumer and the findings together.
@NullMarked
package dev.bowline.audit;

import org.jspecify.annotations.NullMarked;
