package dev.bowline.report;

import dev.bowline.Remedy;
import dev.bowline.checkpoint.Inspection;
import dev.bowline.report.Table.Side;
import dev.bowline.safetensors.SafetensorsType;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/// The contents of a checkpoint, and the outcome of a load.
public final class InspectionText implements TextRenderer<Inspection> {

    private static final int REFUSALS_SHOWN = 8;

    private final Function<Remedy, String> spelling;

    /// @param spelling of the audit that compares head and embedding
    public InspectionText(Function<Remedy, String> spelling) {
        this.spelling = spelling;
    }

    @Override
    public String text(Inspection inspection) {
        StringBuilder text = new StringBuilder();
        text.append(inspection.architecture()).append('\n');
        text.append(Table.ofFields()
                .row("directory", inspection.directory().toString())
                .row("vocabulary", Quantity.count(inspection.vocabulary()))
                .row("positions", Quantity.count(inspection.maxPositions()))
                .row("in the files", Quantity.bytes(inspection.storedBytes()))
                .text());
        text.append("\nParameters\n").append(parts(inspection));
        text.append("\nHead\n").append(head(inspection.head()));
        text.append("\nA load would\n").append(fate(inspection));
        inspection.refused().stream()
                .limit(REFUSALS_SHOWN)
                .forEach(reason -> text.append("    - ")
                        .append(reason.replace("\n", "\n      "))
                        .append('\n'));
        if (inspection.refused().size() > REFUSALS_SHOWN) {
            text.append("    - and %d more\n".formatted(inspection.refused().size() - REFUSALS_SHOWN));
        }
        return text.toString();
    }

    private static String parts(Inspection inspection) {
        Table table = new Table(Side.LEFT, Side.RIGHT, Side.RIGHT, Side.RIGHT, Side.LEFT);
        table.row("component", "tensors", "parameters", "in files", "as");
        inspection.parts().forEach(part -> addPart(table, part));
        table.row(
                "total",
                Quantity.count(inspection.parts().stream()
                        .mapToLong(Inspection.Part::tensors)
                        .sum()),
                Quantity.count(inspection.parameters()),
                Quantity.bytes(inspection.parts().stream()
                        .mapToLong(Inspection.Part::bytes)
                        .sum()),
                "");
        return table.text();
    }

    private static void addPart(Table table, Inspection.Part part) {
        table.row(
                part.component().toString(),
                Quantity.count(part.tensors()),
                Quantity.count(part.parameters()),
                Quantity.bytes(part.bytes()),
                part.stored().stream().map(SafetensorsType::name).collect(Collectors.joining(", ")));
    }

    private static String head(Inspection.Head head) {
        String state;
        if (!head.flag().tied()) {
            state = "separate: %s has values of its own".formatted(head.head());
        } else if (head.held() == Inspection.Held.BOTH) {
            state = "tied if both are equal bit for bit; a load compares them";
        } else {
            state = "tied: %s is the input embedding, counted once".formatted(head.head());
        }
        return Table.ofFields()
                .row("state", state)
                .row("embedding", head.embedding())
                .row(
                        "because",
                        "%s is %s"
                                .formatted(
                                        head.flag().level().key(), head.flag().tied()))
                .row("files hold", head.held().toString())
                .text();
    }

    private String fate(Inspection inspection) {
        Table table = Table.ofFields();
        table.row("train", Quantity.count(inspection.parameters(), "parameter"));
        if (inspection.buffered() > 0) {
            table.row("keep", Quantity.count(inspection.buffered(), "number") + " in buffers, which are never trained");
        }
        for (Inspection.Part part : inspection.passedThrough()) {
            table.row(
                    "pass through",
                    "%s: %s, %s, saved unchanged"
                            .formatted(
                                    part.component(),
                                    Quantity.count(part.tensors(), "tensor"),
                                    Quantity.bytes(part.bytes())));
        }
        Map<String, Long> reasons = inspection.ignored().values().stream()
                .collect(Collectors.groupingBy(reason -> reason, TreeMap::new, Collectors.counting()));
        reasons.forEach((reason, tensors) ->
                table.row("ignore", "%s: %s".formatted(Quantity.count(tensors, "tensor"), reason)));
        inspection.notes().forEach(note -> table.row("note", note));
        table.row("refuse", refusal(inspection));
        return table.text();
    }

    private String refusal(Inspection inspection) {
        if (!inspection.refused().isEmpty()) {
            return "this checkpoint, because there is";
        }
        boolean compared = inspection.head().flag().tied() && inspection.head().held() == Inspection.Held.BOTH;
        return compared
                ? "nothing, if both are equal; %s compares them"
                        .formatted(spelling.apply(new Remedy.Audit(inspection.directory())))
                : "nothing";
    }
}
