package dev.bowline.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/// The variable `loop` in the body of a loop. Items are taken from the source one at a time, further ones only
/// when asked about, because a loop's filter may depend on what its body sets.
final class LoopState implements Value.Native {

    /// Renders the loop's body for other items, one level deeper.
    @FunctionalInterface
    interface Recursion {
        Value render(Value items, int depth0);
    }

    private final Optional<Recursion> recursion;
    private final int depth0;
    private Iterator<Value> source;
    private Optional<Integer> length;
    private Optional<Value> before = Optional.empty();
    private Optional<Value> current = Optional.empty();
    private Optional<Value> after = Optional.empty();
    private List<Value> lastChanged = List.of();
    private boolean changedBefore;
    private int index0 = -1;

    /// @param length empty if it can only be known by taking all items
    LoopState(Iterator<Value> source, Optional<Integer> length, Optional<Recursion> recursion, int depth0) {
        this.source = source;
        this.length = length;
        this.recursion = recursion;
        this.depth0 = depth0;
    }

    Optional<Value> advance() {
        Optional<Value> next = peek();
        if (next.isPresent()) {
            after = Optional.empty();
            index0++;
            before = current;
            current = next;
        }
        return next;
    }

    private Optional<Value> peek() {
        if (after.isEmpty() && source.hasNext()) {
            after = Optional.of(source.next());
        }
        return after;
    }

    int length() {
        if (length.isEmpty()) {
            List<Value> rest = new ArrayList<>();
            source.forEachRemaining(rest::add);
            source = rest.iterator();
            length = Optional.of(rest.size() + index0 + 1 + (after.isPresent() ? 1 : 0));
        }
        return length.get();
    }

    @Override
    public Value attribute(String name) {
        return switch (name) {
            case "index0" -> Value.of(index0);
            case "index" -> Value.of(index0 + 1);
            case "revindex0" -> Value.of(length() - index0 - 1);
            case "revindex" -> Value.of(length() - index0);
            case "first" -> Value.of(index0 == 0);
            case "last" -> Value.of(peek().isEmpty());
            case "length" -> Value.of(length());
            case "depth0" -> Value.of(depth0);
            case "depth" -> Value.of(depth0 + 1);
            case "previtem" -> before.orElseGet(() -> new Undefined("there is no previous item"));
            case "nextitem" -> peek().orElseGet(() -> new Undefined("there is no next item"));
            case "cycle" -> new Function("cycle", this::cycle);
            case "changed" -> new Function("changed", this::changed);
            default -> Native.super.attribute(name);
        };
    }

    private Value cycle(Arguments arguments) {
        List<Value> items = arguments.positional();
        if (items.isEmpty()) {
            throw new TemplateFailure("no items for cycling given");
        }
        return items.get(index0 % items.size());
    }

    private Value changed(Arguments arguments) {
        boolean changed = !changedBefore || !lastChanged.equals(arguments.positional());
        changedBefore = true;
        lastChanged = arguments.positional();
        return Value.of(changed);
    }

    @Override
    public Value call(Arguments arguments) {
        Value items = arguments.bind("loop", "iterable").get(0);
        return recursion
                .orElseThrow(() ->
                        new TemplateFailure("The loop must have the 'recursive' marker to be called recursively."))
                .render(items, depth0 + 1);
    }

    @Override
    public String description() {
        return "<LoopContext %d/%d>".formatted(index0 + 1, length());
    }

    @Override
    public String pythonType() {
        return "LoopContext";
    }
}
