package dev.bowline.text;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;

/// The tokens that the post-processor of a tokenizer.json adds to a plain text, such as a beginning-of-sequence
/// token.
///
/// @param before ids in front of the text
/// @param after ids behind it
record PostProcessorTokens(List<Integer> before, List<Integer> after) {

    PostProcessorTokens {
        before = List.copyOf(before);
        after = List.copyOf(after);
    }

    private static final PostProcessorTokens NOTHING = new PostProcessorTokens(List.of(), List.of());

    /// @param tokenizer the whole file
    static PostProcessorTokens in(JsonObject tokenizer) {
        return tokenizer
                .optionalObject("post_processor")
                .map(PostProcessorTokens::of)
                .orElse(NOTHING);
    }

    private static PostProcessorTokens of(JsonObject processor) {
        return switch (processor.optionalString("type").orElse("")) {
            case "TemplateProcessing" -> template(processor);
            case "BertProcessing", "RobertaProcessing" ->
                new PostProcessorTokens(List.of(id(processor, "cls")), List.of(id(processor, "sep")));
            case "Sequence" ->
                processor.requireArray("processors").objects().stream()
                        .map(PostProcessorTokens::of)
                        .reduce(NOTHING, PostProcessorTokens::within);
            default -> NOTHING;
        };
    }

    private static PostProcessorTokens template(JsonObject processor) {
        List<Integer> before = new ArrayList<>();
        List<Integer> after = new ArrayList<>();
        boolean textSeen = false;
        for (JsonObject piece : processor.requireArray("single").objects()) {
            if (piece.has("Sequence")) {
                textSeen = true;
            } else {
                String token = piece.requireObject("SpecialToken").requireString("id");
                List<Integer> ids = processor
                        .requireObject("special_tokens")
                        .requireObject(token)
                        .requireArray("ids")
                        .ints();
                (textSeen ? after : before).addAll(ids);
            }
        }
        return new PostProcessorTokens(before, after);
    }

    /// A token written as its text and its id.
    private static int id(JsonObject processor, String key) {
        JsonValue id = processor.requireArray(key).get(1);
        return id.asInt();
    }

    /// This, and then another processor around it.
    private PostProcessorTokens within(PostProcessorTokens outer) {
        List<Integer> first = new ArrayList<>(outer.before);
        first.addAll(before);
        List<Integer> last = new ArrayList<>(after);
        last.addAll(outer.after);
        return new PostProcessorTokens(first, last);
    }
}
