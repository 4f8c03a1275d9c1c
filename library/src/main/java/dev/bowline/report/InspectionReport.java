package dev.bowline.report;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.report.Table.Side;
import dev.bowline.safetensors.SafetensorsType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// An inspection for people and for programs.
public final class InspectionReport {

    private static final int REFUSALS_SHOWN = 8;

    private InspectionReport() {}

    public static String text(Inspection inspection) {
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

    private static String fate(Inspection inspection) {
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

    private static String refusal(Inspection inspection) {
        if (!inspection.refused().isEmpty()) {
            return "this checkpoint, because there is";
        }
        boolean compared = inspection.head().flag().tied() && inspection.head().held() == Inspection.Held.BOTH;
        return compared ? "nothing, if both are equal; bowline audit compares them" : "nothing";
    }

    public static JsonObject json(Inspection inspection) {
        List<JsonObject> ignored = new ArrayList<>();
        new TreeMap<>(inspection.ignored())
                .forEach((key, reason) ->
                        ignored.add(JsonObject.of().with("tensor", key).with("reason", reason)));
        Inspection.Head head = inspection.head();
        return JsonObject.of()
                .with("directory", inspection.directory().toString())
                .with("architecture", inspection.architecture())
                .with("vocabulary", inspection.vocabulary())
                .with("max_positions", inspection.maxPositions())
                .with("parameters", inspection.parameters())
                .with("buffered", inspection.buffered())
                .with("bytes", inspection.storedBytes())
                .with("components", parts(inspection.parts()))
                .with("passed_through", parts(inspection.passedThrough()))
                .with("ignored", JsonValue.of(ignored))
                .with("notes", JsonArray.ofStrings(inspection.notes()))
                .with(
                        "head",
                        JsonObject.of()
                                .with("tied", head.flag().tied())
                                .with("flag_from", head.flag().level().key())
                                .with("lm_head", head.head())
                                .with("embedding", head.embedding())
                                .with("files_hold", head.held().toString()))
                .with("loads", inspection.refused().isEmpty())
                .with("refused", JsonArray.ofStrings(inspection.refused()));
    }

    private static JsonArray parts(List<Inspection.Part> parts) {
        return JsonValue.of(parts.stream()
                .map(part -> JsonObject.of()
                        .with("component", part.component().toString())
                        .with("tensors", part.tensors())
                        .with("parameters", part.parameters())
                        .with("buffered", part.buffered())
                        .with("bytes", part.bytes())
                        .with(
                                "stored_as",
                                JsonArray.ofStrings(part.stored().stream()
                                        .map(SafetensorsType::name)
                                        .toList())))
                .toList());
    }
}
