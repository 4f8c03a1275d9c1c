package dev.bowline.text.jinja;

import java.time.Duration;
import java.util.function.Supplier;

/// The work that one rendering may do, so that a template can neither hang the process nor exhaust its memory.
///
/// Operators, filters and methods are static functions; a scoped value carries the budget of the rendering that
/// calls them. Outside a rendering nothing is counted.
final class RenderBudget {

    /// A conversation of a thousand messages takes 6.7 million steps with the slowest template of the tests, whose
    /// steps
    /// grow with the square of the messages, and fewer than 100,000 with each of the others.
    static final Limits USUAL = new Limits(50_000_000, 1L << 32, 1L << 28, Duration.ofSeconds(5));

    private static final ScopedValue<RenderBudget> CURRENT = ScopedValue.newInstance();

    /// A list item weighs as much as this many characters: a reference and a small object.
    private static final long CHARACTERS_PER_ITEM = 16;

    /// The clock is read after this many units of work, so that reading it costs little.
    private static final long WORK_BETWEEN_CLOCK_READS = 1 << 20;

    private static final long WORK_PER_STEP = 64;

    /// @param steps expressions, statements, comparisons and printed values
    /// @param read characters that operators, filters and methods look at
    /// @param made characters of new texts; an item of a new list counts as sixteen
    record Limits(long steps, long read, long made, Duration time) {}

    private final Limits limits;
    private final long start = System.nanoTime();
    private long steps;
    private long read;
    private long made;
    private long workSinceClockRead;

    private RenderBudget(Limits limits) {
        this.limits = limits;
    }

    static <T> T within(Limits limits, Supplier<T> rendering) {
        return ScopedValue.where(CURRENT, new RenderBudget(limits)).call(rendering::get);
    }

    /// Counts one expression, statement, comparison or printed value.
    static void step() {
        if (CURRENT.isBound()) {
            CURRENT.get().countStep();
        }
    }

    /// Counts characters that are about to be looked at, each once.
    static void read(long characters) {
        if (characters > 0 && CURRENT.isBound()) {
            CURRENT.get().countRead(characters);
        }
    }

    /// Counts characters of a text that is about to be made.
    static void made(long characters) {
        if (characters > 0 && CURRENT.isBound()) {
            CURRENT.get().countMade(characters);
        }
    }

    /// Counts items of a list that is about to be made.
    static void madeItems(long items) {
        made(CHARACTERS_PER_ITEM * items);
    }

    /// Counts an operand of an operator, a filter, a test or a method: the characters, bytes or items at its top
    /// level.
    static void readValue(Value value) {
        read(size(value));
    }

    /// Counts a result, whether it is new or one of the operands.
    static void madeValue(Value value) {
        boolean holdsItems = !(value instanceof Value.Text || value instanceof Value.Whole);
        made(holdsItems ? CHARACTERS_PER_ITEM * size(value) : size(value));
    }

    private static long size(Value value) {
        return switch (value) {
            case Value.Text(String text) -> text.length();
            case Value.Sequence(var _, var items) -> items.size();
            case Value.Mapping(var entries) -> entries.size();
            case Value.View(var _, var items) -> items.size();
            case Value.Range range -> range.items().size();
            case Value.Whole(var number) -> number.bitLength() / Byte.SIZE;
            case Value.Undefined _, Value.None _, Value.Bool _, Value.Real _, Value.Once _, Value.Native _ -> 0;
        };
    }

    private void countStep() {
        if (++steps > limits.steps()) {
            throw new TemplateFailure("it takes more than %,d steps".formatted(limits.steps()));
        }
        work(WORK_PER_STEP);
    }

    private void countRead(long characters) {
        read += characters;
        if (read > limits.read()) {
            throw new TemplateFailure("it reads more than %,d characters".formatted(limits.read()));
        }
        work(characters);
    }

    private void countMade(long characters) {
        made += characters;
        if (made > limits.made()) {
            throw new TemplateFailure("it makes more than %,d characters of text".formatted(limits.made()));
        }
        work(characters);
    }

    private void work(long units) {
        workSinceClockRead += units;
        if (workSinceClockRead < WORK_BETWEEN_CLOCK_READS) {
            return;
        }
        workSinceClockRead = 0;
        if (System.nanoTime() - start > limits.time().toNanos()) {
            throw new TemplateFailure(
                    "it runs longer than %.1f s".formatted(limits.time().toMillis() / 1e3));
        }
    }
}
