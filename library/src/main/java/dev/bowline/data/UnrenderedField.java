package dev.bowline.data;

import dev.bowline.text.UnrenderedText;
import java.util.ArrayList;
import java.util.List;

/// A field that trained answers hold text in and the chat template does not write, or not all of it.
///
/// @param field of the message, such as `reasoning_content`
/// @param answers the number of answers
/// @param first where the first of them was read, `file:line`
/// @param sample the beginning of a line that is missing there
public record UnrenderedField(String field, int answers, String first, String sample) {

    /// The same list with what is missing in one more row.
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
