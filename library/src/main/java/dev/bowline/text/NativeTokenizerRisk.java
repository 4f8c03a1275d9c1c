package dev.bowline.text;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/// Finds parts of a tokenizer.json with which the native library can panic, which ends the process, or take
/// unbounded time.
///
/// Parts that are known to be safe with any values are listed; every other part is a risk, whether or not its
/// values are good ones. Measured with `tokenizers` 0.21.4.
final class NativeTokenizerRisk {

    private static final Set<String> SAFE_NORMALIZERS = Set.of(
            "NFC",
            "NFD",
            "NFKC",
            "NFKD",
            "Nmt",
            "Lowercase",
            "Strip",
            "StripAccents",
            "Prepend",
            "BertNormalizer",
            "ByteLevel");
    private static final Set<String> SAFE_PRE_TOKENIZERS = Set.of(
            "ByteLevel",
            "BertPreTokenizer",
            "CharDelimiterSplit",
            "Digits",
            "Metaspace",
            "Punctuation",
            "UnicodeScripts",
            "Whitespace",
            "WhitespaceSplit");
    private static final Set<String> SAFE_DECODERS =
            Set.of("BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "WordPiece");
    private static final Set<String> SAFE_POST_PROCESSORS = Set.of("BertProcessing", "ByteLevel", "RobertaProcessing");
    private static final Set<String> SAFE_MODELS = Set.of("BPE", "Unigram", "WordLevel", "WordPiece");

    private NativeTokenizerRisk() {}

    /// The first part that is a risk, as a message may call it; empty where every part is safe.
    static Optional<String> in(JsonObject tokenizer) {
        return Stream.of(
                        model(tokenizer.requireObject("model")),
                        part(tokenizer, "normalizer", "normalizers", NativeTokenizerRisk::normalizer),
                        part(tokenizer, "pre_tokenizer", "pretokenizers", NativeTokenizerRisk::preTokenizer),
                        part(tokenizer, "decoder", "decoders", NativeTokenizerRisk::decoder),
                        part(tokenizer, "post_processor", "processors", NativeTokenizerRisk::postProcessor))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private static Optional<String> part(
            JsonObject tokenizer, String key, String members, Function<JsonObject, Optional<String>> risk) {
        return tokenizer.optionalObject(key).flatMap(part -> inSequence(part, members, risk));
    }

    private static Optional<String> inSequence(
            JsonObject part, String members, Function<JsonObject, Optional<String>> risk) {
        if (!type(part).equals("Sequence")) {
            return risk.apply(part);
        }
        return part.requireArray(members).objects().stream()
                .map(member -> inSequence(member, members, risk))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private static Optional<String> model(JsonObject model) {
        // Older files have no type; their models are of the safe kinds too.
        String type = model.optionalString("type").orElse("BPE");
        if (!SAFE_MODELS.contains(type)) {
            return Optional.of("its model %s".formatted(type));
        }
        // A merge cuts as many bytes as the prefix has from its second token.
        boolean prefixed =
                !model.optionalString("continuing_subword_prefix").orElse("").isEmpty();
        return type.equals("BPE") && prefixed
                ? Optional.of("a BPE model with continuing_subword_prefix")
                : Optional.empty();
    }

    private static Optional<String> normalizer(JsonObject normalizer) {
        String type = type(normalizer);
        if (type.equals("Replace")) {
            return pattern(normalizer, "a Replace normalizer");
        }
        return SAFE_NORMALIZERS.contains(type) ? Optional.empty() : Optional.of("the normalizer %s".formatted(type));
    }

    private static Optional<String> preTokenizer(JsonObject preTokenizer) {
        String type = type(preTokenizer);
        if (type.equals("Split")) {
            return pattern(preTokenizer, "a Split pre-tokenizer");
        }
        return SAFE_PRE_TOKENIZERS.contains(type)
                ? Optional.empty()
                : Optional.of("the pre-tokenizer %s".formatted(type));
    }

    private static Optional<String> decoder(JsonObject decoder) {
        String type = type(decoder);
        return switch (type) {
            case "Replace" -> pattern(decoder, "a Replace decoder");
            // It counts characters off the end of a token that may have fewer.
            case "Strip" ->
                decoder.optionalInt("stop").orElse(0) == 0 ? Optional.empty() : Optional.of("a Strip decoder");
            default -> SAFE_DECODERS.contains(type) ? Optional.empty() : Optional.of("the decoder %s".formatted(type));
        };
    }

    private static Optional<String> postProcessor(JsonObject processor) {
        String type = type(processor);
        if (type.equals("TemplateProcessing")) {
            JsonObject known = processor.optionalObject("special_tokens").orElse(JsonObject.of());
            boolean complete = Stream.of("single", "pair")
                    .flatMap(key -> processor.optionalArray(key).map(JsonArray::objects).orElse(List.of()).stream())
                    .flatMap(piece -> piece.optionalObject("SpecialToken").stream())
                    .allMatch(token -> known.has(token.optionalString("id").orElse("")));
            return complete ? Optional.empty() : Optional.of("a TemplateProcessing that uses a token it does not list");
        }
        return SAFE_POST_PROCESSORS.contains(type)
                ? Optional.empty()
                : Optional.of("the post-processor %s".formatted(type));
    }

    /// A plain text is safe; Oniguruma runs a regular expression, and its retry limit is a panic.
    private static Optional<String> pattern(JsonObject part, String name) {
        Optional<JsonValue> regex = part.optionalObject("pattern").flatMap(pattern -> pattern.get("Regex"));
        boolean safe = regex.isEmpty()
                || regex.get() instanceof JsonString(String text, var _) && SplitPatterns.isPublished(text);
        return safe ? Optional.empty() : Optional.of("%s with an unknown regular expression".formatted(name));
    }

    private static String type(JsonObject part) {
        return part.optionalString("type").orElse("without a type");
    }
}
