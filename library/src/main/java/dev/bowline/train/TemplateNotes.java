package dev.bowline.train;

import dev.bowline.NearestNames;
import dev.bowline.data.AnswerEnds;
import dev.bowline.data.Dataset;
import dev.bowline.data.UnrenderedField;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.StopTokens;
import dev.bowline.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.stream.Collectors;

/// Notes on a chat template that matter before training.
///
/// @param section the section of the recipe
/// @param tokenizer the tokenizer, whose directory names the tokens that end a generation
record TemplateNotes(String section, Tokenizer tokenizer) {

    /// The notes, one sentence each. A sentence that begins with "warning" describes a probable mistake.
    List<String> of(Optional<ChatTemplate> template, Dataset dataset) {
        AnswerEnds ends = dataset.ends();
        List<String> notes = new ArrayList<>();
        template.ifPresent(used -> notes.addAll(unreadOptions(used)));
        for (UnrenderedField field : dataset.unwritten()) {
            notes.add(
                    ("warning: %s: the chat template does not write all of '%s' in %d of %d answers, so the model does"
                                    + " not learn it; the first is at %s, where '%s' is missing; name a template that writes it"
                                    + " with %s.chat_template, or remove it from the data")
                            .formatted(
                                    section,
                                    field.field(),
                                    field.answers(),
                                    ends.answers(),
                                    field.first(),
                                    field.sample(),
                                    section));
        }
        SequencedSet<Integer> stops = StopTokens.in(tokenizer.directory());
        if (ends.open() > 0) {
            notes.add(
                    ("warning: %s: %d of %d answers end without an end-of-turn token, the first at %s, so the model will"
                                    + " not learn to stop; let the template print one after the answer (%s)")
                            .formatted(
                                    section,
                                    ends.open(),
                                    ends.answers(),
                                    ends.firstOpen().orElseThrow(),
                                    stops.isEmpty()
                                            ? "name a copy with %s.chat_template".formatted(section)
                                            : texts(stops)));
        } else if (!stops.isEmpty()
                && ends.answers() > 0
                && ends.tokens().stream().noneMatch(stops::contains)) {
            notes.add(("warning: %s: answers end with %s, but generation stops at %s; correct eos_token_id in"
                            + " generation_config.json, or the template")
                    .formatted(section, texts(ends.tokens()), texts(stops)));
        }
        return notes;
    }

    private List<String> unreadOptions(ChatTemplate template) {
        return template.unreadOptions().stream()
                .map(option -> "warning: %s.chat_template_kwargs: the chat template never reads '%s'%s"
                        .formatted(section, option, NearestNames.hint(option, template.variables())))
                .toList();
    }

    private String texts(SequencedSet<Integer> ids) {
        return ids.stream()
                .map(id -> "'%s'".formatted(tokenizer.decodeWithSpecialTokens(new int[] {id})))
                .collect(Collectors.joining(" or "));
    }
}
