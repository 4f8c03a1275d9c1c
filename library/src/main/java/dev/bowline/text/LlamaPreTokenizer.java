package dev.bowline.text;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;

/// The pre-tokenizer and the decoder that transformers 5.18 gives a tokenizer of class `LlamaTokenizer`, in place
/// of those of tokenizer.json and of its normalizer. A space is put before the text. With `legacy: true` in
/// tokenizer_config.json a space is put before the text after each added token too, unless it begins with one.
///
/// A byte-level tokenizer.json, such as that of Llama 3, stays unchanged for every class in tokenizer_config.json.
final class LlamaPreTokenizer {

    private static final String BLANK = "▁";
    private static final String NORMALIZER = "normalizer";
    private static final String PRE_TOKENIZER = "pre_tokenizer";

    private static final JsonObject FIRST_BLANK =
            part("Strip").with("content", " ").with("start", 1).with("stop", 0);

    private LlamaPreTokenizer() {}

    /// The tokenizer.json as transformers uses it; the same object where that is what it holds.
    static JsonObject of(TokenizerFiles files) {
        JsonObject tokenizer = files.tokenizer();
        if (files.tokenizerClass() != TokenizerClass.LLAMA || !isSentencePiece(tokenizer)) {
            return tokenizer;
        }
        boolean withPrefix = files.config().optionalBoolean("add_prefix_space").orElse(true);
        boolean legacy = files.config().optionalBoolean("legacy").orElse(false);
        String scheme = !withPrefix ? "never" : legacy ? "always" : "first";
        return tokenizer
                .with(NORMALIZER, JsonValue.absent())
                .with(PRE_TOKENIZER, metaspace(scheme))
                .with("decoder", withPrefix ? decoder(FIRST_BLANK) : decoder());
    }

    private static JsonObject metaspace(String scheme) {
        return part("Metaspace")
                .with("replacement", BLANK)
                .with("prepend_scheme", scheme)
                .with("split", false);
    }

    private static JsonObject decoder(JsonObject... last) {
        JsonObject blanks = part("Replace")
                .with("pattern", JsonObject.of().with("String", BLANK))
                .with("content", " ");
        List<JsonValue> decoders = new ArrayList<>(List.of(blanks, part("ByteFallback"), part("Fuse")));
        decoders.addAll(List.of(last));
        return part("Sequence").with("decoders", JsonValue.of(decoders));
    }

    private static JsonObject part(String type) {
        return JsonObject.of().with("type", type);
    }

    /// True if the file replaces spaces with SentencePiece's character for a space.
    private static boolean isSentencePiece(JsonObject tokenizer) {
        return tokenizer
                        .requireObject("model")
                        .optionalString("type")
                        .filter("BPE"::equals)
                        .isPresent()
                && (holdsBlank(tokenizer, NORMALIZER) || holdsBlank(tokenizer, PRE_TOKENIZER));
    }

    private static boolean holdsBlank(JsonObject tokenizer, String key) {
        return tokenizer.get(key).filter(LlamaPreTokenizer::holdsBlank).isPresent();
    }

    private static boolean holdsBlank(JsonValue value) {
        return switch (value) {
            case JsonString text -> text.value().equals(BLANK);
            case JsonObject object -> object.fields().values().stream().anyMatch(LlamaPreTokenizer::holdsBlank);
            case JsonArray array -> array.values().stream().anyMatch(LlamaPreTokenizer::holdsBlank);
            case JsonNumber _, JsonBoolean _, JsonNull _ -> false;
        };
    }
}
