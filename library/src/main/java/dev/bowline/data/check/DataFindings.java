package dev.bowline.data.check;

import dev.bowline.Fix;
import dev.bowline.data.ExaminedRow;
import dev.bowline.data.Example;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// The findings of one section, in sentences.
final class DataFindings {

    private final String section;
    private final long rows;
    private final long examples;
    private final long answers;
    private final List<DataFinding> findings = new ArrayList<>();

    DataFindings(String section, long rows, long examples, long answers) {
        this.section = section;
        this.rows = rows;
        this.examples = examples;
        this.answers = answers;
    }

    List<DataFinding> worstFirst() {
        return findings.stream()
                .sorted(Comparator.comparing(DataFinding::severity).reversed().thenComparing(DataFinding::code))
                .toList();
    }

    /// @param refused the first row that a run refuses
    void add(DataFindingCode code, Occurrences places, Optional<ExaminedRow.Refused> refused) {
        switch (code) {
            case UNREADABLE ->
                add(
                        code,
                        places,
                        "a run ends at %s".formatted(ofRows(places)),
                        refused.map(ExaminedRow.Refused::fix).orElseThrow());
            case NO_TARGET ->
                add(
                        code,
                        places,
                        "%s no token to train on, and a run ends there".formatted(have(places)),
                        "give each of them an answer with text, or remove it");
            case NO_END ->
                add(
                        code,
                        places,
                        "%d of %d answers end without an end-of-turn token, so the model does not learn to stop"
                                .formatted(places.count(), answers),
                        "let the chat template print a token after each answer, with %s.chat_template"
                                .formatted(section));
            case TRUNCATED ->
                add(
                        code,
                        places,
                        "%d of %d examples lose trained tokens at %s.seq_length"
                                .formatted(places.count(), examples, section),
                        "raise %s.seq_length, or set %s.truncation to skip".formatted(section, section));
            case TOO_LONG ->
                add(
                        code,
                        places,
                        "%d of %d examples are left out".formatted(places.count(), examples),
                        "raise %s.seq_length".formatted(section));
            case CUT ->
                add(
                        code,
                        places,
                        "%d of %d examples lose tokens before their answers".formatted(places.count(), examples),
                        "raise %s.seq_length".formatted(section));
            case LEAK ->
                add(
                        code,
                        places,
                        "%d of %d examples are also trained on, so the validation loss is too low"
                                .formatted(places.count(), examples),
                        "remove them from one of the two files");
            case DUPLICATE ->
                add(
                        code,
                        places,
                        "%d of %d examples are the same as an earlier one".formatted(places.count(), examples),
                        "remove them, unless they shall count more");
            case EMPTY_ANSWER ->
                add(
                        code,
                        places,
                        "%s only an end-of-turn token to train on".formatted(have(places)),
                        "remove them, unless the model shall learn to say nothing");
            case OTHER_END, UNWRITTEN, NO_ROW, DEAD_ROW, UNREAD_FIELD ->
                throw new IllegalArgumentException("%s has a method of its own".formatted(code));
        }
    }

    void unwritten(String field, Occurrences places) {
        add(
                DataFindingCode.UNWRITTEN,
                places,
                "the chat template does not write all of '%s' in %d of %d answers, so the model does not learn it"
                        .formatted(field, places.count(), answers),
                "name a template that writes it with %s.chat_template, or remove the field".formatted(section));
    }

    void unread(String field, Occurrences places) {
        add(
                DataFindingCode.UNREAD_FIELD,
                places,
                "'%s' of %s is not read".formatted(field, ofRows(places)),
                "no change is needed if it is not text to train on; else name it with %s.column_mapping"
                        .formatted(section));
    }

    void ends(SequencedSet<Integer> ends, Vocabulary vocabulary) {
        SequencedSet<Integer> stops = vocabulary.stops();
        if (ends.isEmpty() || stops.isEmpty() || ends.stream().anyMatch(stops::contains)) {
            return;
        }
        findings.add(new DataFinding(
                DataFindingCode.OTHER_END,
                section,
                ends.size(),
                List.of(),
                "answers end with %s, and generation stops at %s"
                        .formatted(texts(ends, vocabulary), texts(stops, vocabulary)),
                Fix.of("correct eos_token_id in generation_config.json, or the chat template")));
    }

    private static String texts(SequencedSet<Integer> ids, Vocabulary vocabulary) {
        return ids.stream().map(id -> quoted(id, vocabulary)).collect(Collectors.joining(" or "));
    }

    private static String quoted(int id, Vocabulary vocabulary) {
        return "'%s'".formatted(vocabulary.text().apply(id));
    }

    /// The tokens without a row, or with a dead row.
    void tokens(List<Example> examples, Vocabulary vocabulary) {
        Map<Integer, Occurrences> missing = new TreeMap<>();
        Map<Integer, Occurrences> dead = new TreeMap<>();
        for (Example example : examples) {
            for (int id : example.ids()) {
                if (id >= vocabulary.rows()) {
                    missing.computeIfAbsent(id, _ -> new Occurrences()).add(example.origin(), "");
                } else if (vocabulary.dead().contains(id)) {
                    dead.computeIfAbsent(id, _ -> new Occurrences()).add(example.origin(), "");
                }
            }
        }
        missing.forEach((id, places) -> add(
                DataFindingCode.NO_ROW,
                places,
                "token %d (%s) occurs %d times, and the embedding has %d rows"
                        .formatted(id, quoted(id, vocabulary), places.count(), vocabulary.rows()),
                "use the tokenizer of the checkpoint, or set model.resize_token_embeddings"));
        dead.forEach((id, places) -> add(
                DataFindingCode.DEAD_ROW,
                places,
                "token %d (%s) occurs %d times, and its row of the embedding is zero or not finite"
                        .formatted(id, quoted(id, vocabulary), places.count()),
                "use a template with tokens that the model knows, or train the embedding"));
    }

    private String have(Occurrences places) {
        return "%d of %d rows %s".formatted(places.count(), rows, places.count() == 1 ? "has" : "have");
    }

    private String ofRows(Occurrences places) {
        return "%d of %d rows".formatted(places.count(), rows);
    }

    private void add(DataFindingCode code, Occurrences places, String what, String fix) {
        add(code, places, what, Fix.of(fix));
    }

    private void add(DataFindingCode code, Occurrences places, String what, Fix fix) {
        findings.add(new DataFinding(code, section, places.count(), places.first(), what, fix));
    }
}
