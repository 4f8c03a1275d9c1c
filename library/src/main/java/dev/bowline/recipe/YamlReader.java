package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import dev.bowline.recipe.YamlValue.Sequence;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.common.Anchor;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.MappingStartEvent;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;

/// One YAML document as a tree of [YamlValue].
///
/// The tree is built from the parser's events and not from its node graph, because an event has the position of
/// an alias, and because depth and aliases can be bounded before anything is built.
final class YamlReader {

    private static final int MOST_DEPTH = 16;
    private static final int MOST_ALIASES = 100;

    private final Iterator<Event> events;
    private final Function<Mark, Origin> locate;
    private final Diagnostics diagnostics;
    private final Map<Anchor, YamlValue> anchored = new HashMap<>();
    private int aliases;

    private YamlReader(Iterator<Event> events, Function<Mark, Origin> locate, Diagnostics diagnostics) {
        this.events = events;
        this.locate = locate;
        this.diagnostics = diagnostics;
    }

    /// The document in `source`, or empty if there is none. A duplicate key is reported and its second value
    /// left out. Text that gives no tree ends the reading.
    static Optional<YamlValue> read(SourceText source, Diagnostics diagnostics) {
        LoadSettings settings = LoadSettings.builder().setUseMarks(true).build();
        Iterator<Event> events = new Parse(settings).parseString(source.text()).iterator();
        YamlReader reader = new YamlReader(events, source::locate, diagnostics);
        return source.explaining(reader::document);
    }

    private Optional<YamlValue> document() {
        Optional<YamlValue> root = Optional.empty();
        while (events.hasNext()) {
            Event event = events.next();
            switch (event.getEventId()) {
                case StreamStart, StreamEnd, DocumentStart, DocumentEnd, Comment -> {}
                case Alias, Scalar, SequenceStart, MappingStart -> {
                    if (root.isPresent()) {
                        throw refused(
                                event,
                                "a second YAML document starts here; a recipe is one document",
                                "keep one document, and remove the line ---");
                    }
                    root = Optional.of(value(event, 0));
                }
                case SequenceEnd, MappingEnd -> throw new IllegalStateException("unbalanced event " + event);
            }
        }
        return root;
    }

    private YamlValue value(Event event, int depth) {
        if (depth > MOST_DEPTH) {
            throw refused(event, "values are nested deeper than %d".formatted(MOST_DEPTH), "flatten them");
        }
        YamlValue value = switch (event) {
            case AliasEvent alias -> aliased(alias);
            case ScalarEvent scalar -> scalar(scalar);
            case MappingStartEvent mapping -> mapping(mapping, depth);
            case CollectionStartEvent sequence -> sequence(sequence, depth);
            default -> throw new IllegalStateException("unexpected event " + event);
        };
        if (!(event instanceof AliasEvent) && event instanceof NodeEvent node) {
            node.getAnchor().ifPresent(anchor -> anchored.put(anchor, value));
        }
        return value;
    }

    /// A scalar has the position of its alias; items of a list or mapping keep the position of their definition.
    private YamlValue aliased(AliasEvent event) {
        YamlValue value = anchored.get(event.getAlias());
        if (value == null) {
            throw refused(
                    event,
                    "alias *%s has no whole value before it".formatted(event.getAlias()),
                    "define &%s above, outside the value that uses it".formatted(event.getAlias()));
        }
        aliases++;
        if (aliases > MOST_ALIASES) {
            throw refused(event, "more than %d aliases".formatted(MOST_ALIASES), "write the values out");
        }
        return switch (value) {
            case Scalar scalar -> new Scalar(scalar.text(), scalar.isPlain(), at(event));
            case Sequence sequence -> new Sequence(sequence.items(), at(event));
            case Mapping mapping -> new Mapping(mapping.entries(), at(event));
        };
    }

    private Scalar scalar(ScalarEvent event) {
        refuseTag(event, event.getTag());
        return new Scalar(event.getValue(), event.isPlain(), at(event));
    }

    private Sequence sequence(CollectionStartEvent start, int depth) {
        refuseTag(start, start.getTag());
        List<YamlValue> items = new ArrayList<>();
        for (Event next = events.next(); next.getEventId() != Event.ID.SequenceEnd; next = events.next()) {
            items.add(value(next, depth + 1));
        }
        return new Sequence(items, at(start));
    }

    private Mapping mapping(MappingStartEvent start, int depth) {
        refuseTag(start, start.getTag());
        Map<String, Entry> entries = new HashMap<>();
        List<Entry> inOrder = new ArrayList<>();
        for (Event next = events.next(); next.getEventId() != Event.ID.MappingEnd; next = events.next()) {
            YamlValue key = value(next, depth + 1);
            YamlValue value = value(events.next(), depth + 1);
            Entry entry = new Entry(keyText(key), key.at(), value);
            Entry first = entries.putIfAbsent(entry.key(), entry);
            if (first == null) {
                inOrder.add(entry);
            } else {
                diagnostics.problem(
                        entry.keyAt(),
                        "key '%s' is written twice; the first is at %s".formatted(entry.key(), first.keyAt()),
                        "remove one of the two");
            }
        }
        return new Mapping(inOrder, at(start));
    }

    private static String keyText(YamlValue key) {
        if (!(key instanceof Scalar scalar)) {
            throw new RecipeException(List.of(new RecipeException.Problem(
                    key.at(), "expected a name before ':', found " + key.found(), "write key: value")));
        }
        if (scalar.isPlain() && scalar.text().equals("<<")) {
            throw new RecipeException(List.of(new RecipeException.Problem(
                    key.at(), "merge keys (<<) are not part of YAML 1.2", "write the keys out where they are needed")));
        }
        return scalar.text();
    }

    private void refuseTag(Event event, Optional<String> tag) {
        if (tag.isPresent()) {
            throw refused(
                    event,
                    "tag %s: a recipe is data, and what a value is follows from its key".formatted(tag.get()),
                    "remove the tag");
        }
    }

    private RecipeException refused(Event event, String problem, String fix) {
        return new RecipeException(List.of(new RecipeException.Problem(at(event), problem, fix)));
    }

    private Origin at(Event event) {
        return locate.apply(event.getStartMark().orElseThrow());
    }
}
