package dev.bowline.data;

import dev.bowline.text.UnrenderedText;
import java.util.ArrayList;
import java.util.List;

/// A field with text in trained answers that the chat template does not render, or not in full.
///
/// @param field the field of the message, such as `reasoning_content`
/// @param answers the number of answers
/// @param first the place where the first of them was read, `file:line`
/// @param sample the beginning of a line of the text that is missing there
public record UnrenderedField(String field, int answers, String first, String sample) {

    /// The same list with the unrendered fields of one more row.
    static List<UnrenderedField> plus(List<UnrenderedField> known, List<UnrenderedText> missing, String origin) {
        List<UnrenderedField> all = new ArrayList<>(known);
        for (UnrenderedText text : missing) {
            int at = all.stream().map(UnrenderedField::field).toList().indexOf(text.field());
            if (at < 0) {
                all.add(new UnrenderedField(text.field(), 1, origin, text.sample()));
            } else {
                UnrenderedField one = all.get(at);
                all.set(at, new UnrenderedField(one.field, one.answers + 1, one.first, one.sample));
            }
        }
        return List.copyOf(all);
    }
}
