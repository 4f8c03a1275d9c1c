package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.ties.HeadBytes;
import dev.bowline.ties.TieFlag;

/// Decides if a checkpoint's head is tied or separate before any byte is copied. The flag that the model was built
/// with, the flag in the checkpoint's config.json and the stored tensors must agree.
final class TieResolution {

    private TieResolution() {}

    static LoadReport.HeadVerdict judge(CheckpointMapping names, HeadComparison comparison) {
        Checkpoint checkpoint = names.checkpoint();
        TieFlag asked = names.model().tieFlag();
        TieFlag own = TieFlag.controlling(checkpoint.config(), names.model().tieDefault());
        TiedPairState evidence = TiedPairState.of(names, comparison);
        requireOneFlag(checkpoint, asked, own, evidence);
        return new LoadReport.HeadVerdict(own, evidence.state(), plan(checkpoint, own, evidence));
    }

    private static void requireOneFlag(Checkpoint checkpoint, TieFlag asked, TieFlag own, TiedPairState evidence) {
        if (asked.tied() != own.tied()) {
            throw new BowlineException(
                    "the model is built with %s (%s), but in %s %s, and the files hold %s"
                            .formatted(
                                    asked.tied() ? "a tied head" : "a separate head",
                                    asked.level().key(),
                                    checkpoint.directory(),
                                    own.describe(),
                                    evidence.state().text() + parenthesis(evidence)),
                    "build the model from the config.json of the checkpoint; tying or untying a head is a separate"
                            + " conversion");
        }
    }

    private static HeadBytes.Plan plan(Checkpoint checkpoint, TieFlag flag, TiedPairState evidence) {
        try {
            return evidence.state().plan(flag, checkpoint.directory().toString());
        } catch (BowlineException refusal) {
            throw new BowlineException(refusal.problem() + parenthesis(evidence), refusal.fix(), refusal);
        }
    }

    private static String parenthesis(TiedPairState evidence) {
        return evidence.detail().map(" (%s)"::formatted).orElse("");
    }
}
