package dev.bowline.data.check;

import static dev.bowline.data.check.DataFindingCode.CUT;
import static dev.bowline.data.check.DataFindingCode.DUPLICATE;
import static dev.bowline.data.check.DataFindingCode.EMPTY_ANSWER;
import static dev.bowline.data.check.DataFindingCode.LEAK;
import static dev.bowline.data.check.DataFindingCode.NO_END;
import static dev.bowline.data.check.DataFindingCode.NO_TARGET;
import static dev.bowline.data.check.DataFindingCode.TOO_LONG;
import static dev.bowline.data.check.DataFindingCode.TRUNCATED;
import static dev.bowline.data.check.DataFindingCode.UNREADABLE;

import dev.bowline.data.ExaminedRow;
import dev.bowline.data.Example;
import dev.bowline.data.FittedExample;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.UnrenderedText;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.TreeSet;

/// Examines the rows of one section of a recipe, one after another.
///
/// An examination is for one thread.
public final class DataExamination {

    private final String section;
    private final Map<ExampleHash, String> trained;
    private final Map<ExampleHash, String> seen = new HashMap<>();
    private final Map<DataFindingCode, Occurrences> found = new EnumMap<>(DataFindingCode.class);
    private final SequencedMap<String, Occurrences> unwritten = new LinkedHashMap<>();
    private final SequencedMap<String, Occurrences> unread = new LinkedHashMap<>();
    private final SequencedSet<Integer> ends = new TreeSet<>();
    private final List<Example> examples = new ArrayList<>();
    private Optional<ExaminedRow.Refused> firstRefused = Optional.empty();
    private long rows;
    private long refused;
    private long answers;

    private DataExamination(String section, Map<ExampleHash, String> trained) {
        this.section = section;
        this.trained = trained;
    }

    /// @param section the section of the recipe
    public static DataExamination of(String section) {
        return new DataExamination(section, Map.of());
    }

    /// @param training the training data, which must not appear again
    public static DataExamination heldOut(String section, DataExamination training) {
        return new DataExamination(section, training.seen);
    }

    public void accept(ExaminedRow row) {
        rows++;
        switch (row) {
            case ExaminedRow.Refused wrong -> {
                refused++;
                firstRefused = firstRefused.or(() -> Optional.of(wrong));
                found(UNREADABLE).add(wrong.origin(), wrong.problem());
            }
            case ExaminedRow.WithoutTarget(String origin) -> {
                refused++;
                found(NO_TARGET).add(origin, "");
            }
            case ExaminedRow.Read read -> accept(read);
        }
    }

    private void accept(ExaminedRow.Read row) {
        String origin = row.origin();
        answers += row.ends().size();
        for (int end : row.ends()) {
            if (end == AssistantMask.NO_END) {
                found(NO_END).add(origin, "");
            } else {
                ends.add(end);
            }
        }
        for (UnrenderedText text : row.unwritten()) {
            unwritten
                    .computeIfAbsent(text.field(), _ -> new Occurrences())
                    .add(origin, "'%s'".formatted(text.sample()));
        }
        row.unread()
                .forEach(field ->
                        unread.computeIfAbsent(field, _ -> new Occurrences()).add(origin, ""));
        boolean hasOneEnd = row.ends().size() == 1 && row.ends().getFirst() != AssistantMask.NO_END;
        if (hasOneEnd
                && row.examples().size() == 1
                && row.examples().getFirst().example().targetTokens() == 1) {
            found(EMPTY_ANSWER).add(origin, "");
        }
        row.examples().forEach(this::accept);
    }

    private void accept(FittedExample fitted) {
        Example whole = fitted.example();
        String origin = whole.origin();
        switch (fitted) {
            case FittedExample.Whole _ -> take(whole);
            case FittedExample.Cut cut -> {
                found(cut.losesTargets() ? TRUNCATED : CUT)
                        .add(
                                origin,
                                "%d of %d tokens are left"
                                        .formatted(cut.shorter().length(), whole.length()));
                take(cut.shorter());
            }
            case FittedExample.LeftOut leftOut -> found(TOO_LONG).add(origin, leftOut.reason());
            case FittedExample.Refused end -> {
                var failure = end.failure();
                refused++;
                found(UNREADABLE).add(origin, failure.problem());
                firstRefused = firstRefused.or(
                        () -> Optional.of(new ExaminedRow.Refused(origin, failure.problem(), failure.howToFix())));
            }
        }
    }

    private void take(Example example) {
        examples.add(example);
        ExampleHash hash = ExampleHash.of(example);
        String first = seen.putIfAbsent(hash, example.origin());
        if (first != null) {
            found(DUPLICATE).add(example.origin(), "the same as " + first);
        }
        String inTraining = trained.get(hash);
        if (inTraining != null) {
            found(LEAK).add(example.origin(), "the same as " + inTraining);
        }
    }

    private Occurrences found(DataFindingCode code) {
        return found.computeIfAbsent(code, _ -> new Occurrences());
    }

    /// The section's data, for the statistics.
    public SectionData data() {
        return new SectionData(
                section,
                rows,
                refused,
                count(TOO_LONG),
                count(CUT) + count(TRUNCATED),
                examples,
                examples.isEmpty()
                        ? Optional.empty()
                        : Optional.of(Lengths.of(
                                examples.stream().mapToInt(Example::length).toArray())));
    }

    private long count(DataFindingCode code) {
        return found.containsKey(code) ? found(code).count() : 0;
    }

    /// The findings, the worst first.
    ///
    /// @param vocabulary the embedding of the model, and the tokens at which generation stops
    public List<DataFinding> findings(Vocabulary vocabulary) {
        DataFindings findings = new DataFindings(section, rows, examples.size() + count(TOO_LONG), answers);
        found.forEach((code, places) -> findings.add(code, places, firstRefused));
        unwritten.forEach(findings::unwritten);
        unread.forEach(findings::unread);
        findings.ends(ends, vocabulary);
        findings.tokens(examples, vocabulary);
        return findings.worstFirst();
    }
}
