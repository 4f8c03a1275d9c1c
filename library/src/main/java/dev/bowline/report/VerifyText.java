package dev.bowline.report;

import dev.bowline.adapter.verify.VerifyReport;
import dev.bowline.adapter.verify.VerifyReport.LogitsChange;
import java.util.List;
import java.util.Locale;

/// The proof of a merged checkpoint or an adapter, on one page.
public final class VerifyText implements TextRenderer<VerifyReport> {

    @Override
    public String text(VerifyReport report) {
        StringBuilder text = new StringBuilder(
                switch (report.kind()) {
                    case CHECKPOINT -> "Checkpoint\n";
                    case ADAPTER -> "Adapter\n";
                    case VLLM_ADAPTER -> "Adapter, in names of vLLM\n";
                    case GGUF_ADAPTER -> "Adapter, in a GGUF file\n";
                });
        text.append(Table.ofFields()
                .row("directory", report.directory().toString())
                .row("base", report.base().toString())
                .text());
        report.tensors().ifPresent(tensors -> text.append("\nTensors\n").append(tensors(tensors)));
        report.adapter()
                .ifPresent(adapter -> text.append("\nAdapter's changes\n")
                        .append(Table.ofFields()
                                .row("modules", Quantity.count(adapter.modules()))
                                .row("experts' deltas", Quantity.count(adapter.expertDeltas()))
                                .row("experts' deltas of zero", Quantity.count(adapter.zeroExpertDeltas()))
                                .row("trained values", Quantity.count(adapter.trainedValues()))
                                .text()));
        text.append("\nLogits of %s, computed in float32\n"
                .formatted(Quantity.count(report.logits().tokens(), "token")));
        text.append(logits(report.logits()));
        report.audit()
                .ifPresent(
                        audit -> text.append("\nTie: %s\nAudit: %s\n".formatted(audit.verdict(), audit.worstWord())));
        text.append(report.isSound() ? "\nVerified\n" : "\nNot verified\n");
        report.problems().forEach(problem -> text.append(AuditText.wrap(problem, "  - ")));
        return text.toString();
    }

    private static String tensors(VerifyReport.Tensors tensors) {
        Table table = Table.ofFields()
                .row("unchanged", Quantity.count(tensors.unchanged()))
                .row("changed", Quantity.count(tensors.changed()))
                .row("changed experts' matrices", Quantity.count(tensors.changedExperts()))
                .row("in another dtype", Quantity.count(tensors.converted()));
        names(table, "missing", tensors.missing());
        names(table, "added", tensors.added());
        names(table, "of another shape", tensors.reshaped());
        names(table, "unexpected", tensors.unexpected());
        return table.text();
    }

    private static void names(Table table, String label, List<String> names) {
        if (!names.isEmpty()) {
            String more = names.size() > 1 ? " and %s more".formatted(Quantity.count(names.size() - 1)) : "";
            table.row(label, names.getFirst() + more);
        }
    }

    private static String logits(LogitsChange logits) {
        Table table = Table.ofFields().row("from the base", difference(logits.effect(), logits.divergence()));
        if (logits.fromAdapter().isPresent() && logits.divergenceFromAdapter().isPresent()) {
            table.row(
                    "from base with adapter",
                    difference(
                            logits.fromAdapter().get(),
                            logits.divergenceFromAdapter().get()));
        }
        return table.text();
    }

    private static String difference(double relative, double divergence) {
        return String.format(Locale.ROOT, "%.3g of the largest logit, KL divergence %.3g nats", relative, divergence);
    }
}
