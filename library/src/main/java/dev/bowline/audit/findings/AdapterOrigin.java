package dev.bowline.audit.findings;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.safetensors.WeightFiles;
import java.util.List;
import java.util.Optional;

/// Bowline's record in an adapter against the base at hand: its tensors, and the tie that the training had.
final class AdapterOrigin {

    private AdapterOrigin() {}

    static List<Finding> check(AdapterFacts facts) {
        AdapterFindings findings = new AdapterFindings();
        facts.record().ifPresent(record -> {
            base(facts, record, findings);
            tie(facts, record, findings);
        });
        return findings.found();
    }

    private static void base(AdapterFacts facts, AdapterRecord record, AdapterFindings findings) {
        Optional<BaseIdentity.Difference> difference;
        try (WeightFiles weights = WeightFiles.open(facts.baseDirectory())) {
            difference = record.identity().difference(BaseIdentity.of(weights));
        } catch (BowlineException _) {
            // The findings of the base have the reason.
            return;
        }
        difference.ifPresent(found -> findings.add(
                FindingCode.T37,
                Severity.HIGH,
                switch (found) {
                    case BaseIdentity.Difference.NoCommonKey _ ->
                        "the adapter was trained on %s, with which the base has no tensor in common"
                                .formatted(record.base());
                    case BaseIdentity.Difference.Tensor(String key, String recorded, String now) ->
                        "the adapter was trained on %s, and the base differs from it: '%s' is %s, and was %s"
                                .formatted(record.base(), key, now, recorded);
                },
                "use the base model that the adapter was trained on",
                List.of()));
    }

    /// The record in place of a sentence on a model card.
    private static void tie(AdapterFacts facts, AdapterRecord record, AdapterFindings findings) {
        if (record.tieMode() == TieMode.UNTIE && facts.base().saysTied()) {
            findings.add(
                    FindingCode.T38,
                    Severity.HIGH,
                    "the adapter was trained with head and input embedding apart (tie mode untie), and the base is"
                            + " tied: PEFT, and every merge that keeps the tie, changes both",
                    Fix.of("merge the adapter, which sets tie_word_embeddings to false: ")
                            .and(new Remedy.MergeAdapter(Optional.of(facts.baseDirectory()), facts.directory())),
                    List.of());
        }
    }
}
