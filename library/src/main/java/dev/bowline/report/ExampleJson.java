package dev.bowline.report;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.train.TokenizedExample;
import dev.bowline.train.TokenizedExample.Use;

/// The tokens of an example, with the trained ones marked.
public final class ExampleJson implements JsonRenderer<TokenizedExample> {

    @Override
    public JsonObject json(TokenizedExample example) {
        return JsonObject.of()
                .with("section", example.section())
                .with("origin", example.origin())
                .with(
                        "tokens",
                        JsonValue.of(example.tokens().stream()
                                .map(token -> JsonObject.of()
                                        .with("id", token.id())
                                        .with("text", token.text())
                                        .with("trained", token.use() == Use.TRAINED))
                                .toList()));
    }
}
