package dev.bowline.report;

import dev.bowline.adapter.export.ExportReport;

/// The result of an adapter's export.
public final class ExportText implements TextRenderer<ExportReport> {

    @Override
    public String text(ExportReport report) {
        StringBuilder text = new StringBuilder();
        text.append("read %s\n".formatted(Quantity.count(report.tensorsIn(), "tensor")));
        if (report.tensorsLeftOut() > 0) {
            text.append("left out %s that the base has\n".formatted(Quantity.count(report.tensorsLeftOut(), "tensor")));
        }
        text.append("wrote %s for %s to %s\n"
                .formatted(
                        Quantity.count(report.tensorsOut(), "tensor"),
                        report.target().title(),
                        report.directory()));
        text.append("largest rank: %d\n".formatted(report.maxRank()));
        report.notes().forEach(note -> text.append("note: %s\n".formatted(note)));
        return text.toString();
    }
}
