package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.RegularFile;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Text to token ids and back, as a checkpoint's tokenizer.json says (Hugging Face's own `tokenizers`
/// library, from DJL). Nothing is truncated, padded or fetched.
///
/// Owns native memory; close it. Threads may share one.
public final class Tokenizer implements AutoCloseable {

    private static final String FILE_NAME = "tokenizer.json";

    /// The longest text that the library may split within this process: a run of ten million blanks makes it
    /// panic.
    private static final int LONGEST_TEXT = 1 << 20;

    private final Path directory;
    private final TokenizerJson json;
    private final TokenizerEngine engine;
    private Optional<TokenizerEngine> engineOfLongTexts = Optional.empty();
    private final SpecialTokens special;
    private final int vocabularySize;
    private final Set<Integer> added;
    private final PostProcessorTokens around;

    private Tokenizer(
            Path directory,
            TokenizerJson json,
            TokenizerEngine engine,
            SpecialTokens special,
            int vocabularySize,
            Set<Integer> added,
            PostProcessorTokens around) {
        this.directory = directory;
        this.json = json;
        this.engine = engine;
        this.special = special;
        this.vocabularySize = vocabularySize;
        this.added = added;
        this.around = around;
    }

    /// @param directory a Hugging Face directory with a tokenizer.json
    public static Tokenizer open(Path directory) {
        if (!Files.exists(directory)) {
            throw new BowlineException("there is no directory %s".formatted(directory), "check the path");
        }
        Path file = directory.resolve(FILE_NAME);
        if (!RegularFile.isPresent(file)) {
            throw new BowlineException(
                    "%s has no tokenizer.json".formatted(directory),
                    "put the model's tokenizer.json there; a SentencePiece tokenizer.model alone is not read");
        }
        TokenizerFiles files = TokenizerFiles.in(directory, Json.parse(file).asObject());
        SpecialTokens special = SpecialTokens.read(files);
        JsonObject json = AddedTokens.complete(LlamaPreTokenizer.of(files), files, special);
        TokenizerJson used =
                new TokenizerJson(file, json.equals(files.tokenizer()) ? Optional.empty() : Optional.of(json));
        int vocabularySize = vocabularySize(json);
        PostProcessorTokens around = PostProcessorTokens.in(json);
        TokenizerEngine engine = used.open(path -> NativeTokenizerRisk.in(json)
                .<TokenizerEngine>map(risk -> TokenizerProcess.start(path, risk))
                .orElseGet(() -> NativeTokenizerEngine.open(path)));
        try {
            return new Tokenizer(directory, used, engine, special, vocabularySize, added(json), around);
        } catch (RuntimeException e) {
            engine.close();
            throw e;
        }
    }

    /// One more than the largest id, added tokens included.
    private static int vocabularySize(JsonObject json) {
        int largest = -1;
        JsonObject model = json.requireObject("model");
        if (model.get("vocab").filter(JsonObject.class::isInstance).isPresent()) {
            for (var id : model.requireObject("vocab").fields().values()) {
                largest = Math.max(largest, id.asInt());
            }
        } else {
            largest = model.requireArray("vocab").size() - 1;
        }
        if (json.has("added_tokens")) {
            for (JsonObject token : json.requireArray("added_tokens").objects()) {
                largest = Math.max(largest, token.requireInt("id"));
            }
        }
        return largest + 1;
    }

    private static Set<Integer> added(JsonObject json) {
        Set<Integer> added = new HashSet<>();
        if (json.has("added_tokens")) {
            json.requireArray("added_tokens").objects().forEach(token -> added.add(token.requireInt("id")));
        }
        return added;
    }

    /// True if the id is one of tokenizer.json's `added_tokens`, such as `<bos>` or `<|turn>`.
    boolean isAdded(int id) {
        return added.contains(id);
    }

    public Path directory() {
        return directory;
    }

    /// One more than the largest token id, added tokens included.
    public int vocabularySize() {
        return vocabularySize;
    }

    /// Refuses ids that the model's embedding has no row for. The tokenizer itself may have such ids: one
    /// tokenizer often serves several models, and only the larger ones have a row for each of its tokens.
    ///
    /// @param rows of the model's input embedding
    /// @param place of the text, such as `file:line`, to begin the refusal with
    public void requireRows(int[] ids, int rows, String place) {
        for (int id : ids) {
            if (id >= rows) {
                String token = decodeWithSpecialTokens(new int[] {id});
                throw new BowlineException(
                        "%s: the text has the token '%s' with id %d, and the model's embedding has %d rows"
                                .formatted(place, token, id, rows),
                        "remove '%s' from the text or from its chat template, or use a model with a row for it"
                                .formatted(token));
            }
        }
    }

    /// The text of a special token by its name in the tokenizer's files, such as `bos_token`.
    public Optional<String> specialToken(String name) {
        return Optional.ofNullable(special.texts().get(name));
    }

    Map<String, String> specialTokens() {
        return special.texts();
    }

    /// The id of a special token.
    public Optional<Integer> specialTokenId(String name) {
        return specialToken(name)
                .map(this::encode)
                .filter(ids -> ids.length == 1)
                .map(ids -> ids[0]);
    }

    /// Ids of the text alone: no token is added at either end, special tokens written in it are recognised.
    ///
    /// @throws UnpairedSurrogateException if the text is none that bytes can be
    public int[] encode(String text) {
        UnpairedSurrogateException.refuse(text);
        return ints(engineOf(text).encode(text).ids());
    }

    /// Encodes like [#encode], with the span of the text for each token.
    public TokenizedText encodeWithSpans(String text) {
        UnpairedSurrogateException.refuse(text);
        TokenizerEngine.Encoded encoded = engineOf(text).encode(text);
        String[] tokens = encoded.tokens();
        int[] units = unitsOfCodePoints(text);
        int[] starts = new int[tokens.length];
        int[] ends = new int[tokens.length];
        int at = 0;
        for (int i = 0; i < tokens.length; i++) {
            if (encoded.starts()[i] >= 0) {
                starts[i] = units[encoded.starts()[i]];
                ends[i] = units[encoded.ends()[i]];
            } else {
                // The library gives no span for a special token; its text is at the current position.
                int found = text.indexOf(tokens[i], at);
                starts[i] = found < 0 ? at : found;
                ends[i] = found < 0 ? at : found + tokens[i].length();
            }
            at = Math.max(at, ends[i]);
        }
        return new TokenizedText(ints(encoded.ids()), starts, ends);
    }

    private TokenizerEngine engineOf(String text) {
        return text.length() <= LONGEST_TEXT ? engine : engineOfLongTexts();
    }

    private synchronized TokenizerEngine engineOfLongTexts() {
        TokenizerEngine started = engineOfLongTexts.orElseGet(
                () -> json.open(path -> TokenizerProcess.start(path, "a text of more than a million characters")));
        engineOfLongTexts = Optional.of(started);
        return started;
    }

    /// Ids of a text to continue: the tokens that tokenizer.json's post-processor puts in front of a text come
    /// first, unless the text begins with them. The tokens that it puts behind a text would end it, and are left
    /// out.
    public int[] encodePrompt(String text) {
        int[] ids = encode(text);
        int[] before = around.before().stream().mapToInt(id -> id).toArray();
        boolean begins = ids.length >= before.length && Arrays.equals(before, Arrays.copyOf(ids, before.length));
        return begins
                ? ids
                : IntStream.concat(Arrays.stream(before), Arrays.stream(ids)).toArray();
    }

    /// Encodes like [#encodeWithSpans], with the tokens that tokenizer.json's post-processor adds, which
    /// transformers' tokenizers do with a plain text. An added token has an empty span at the beginning or the end
    /// of the text.
    public TokenizedText encodeWithSpecialTokens(String text) {
        TokenizedText plain = encodeWithSpans(text);
        int first = around.before().size();
        int[] ids = Stream.of(
                        around.before().stream(), Arrays.stream(plain.ids()).boxed(), around.after().stream())
                .flatMap(part -> part)
                .mapToInt(id -> id)
                .toArray();
        int[] starts = new int[ids.length];
        int[] ends = new int[ids.length];
        Arrays.fill(starts, first + plain.size(), ids.length, text.length());
        Arrays.fill(ends, first + plain.size(), ids.length, text.length());
        System.arraycopy(plain.starts(), 0, starts, first, plain.size());
        System.arraycopy(plain.ends(), 0, ends, first, plain.size());
        return new TokenizedText(ids, starts, ends);
    }

    /// @return the UTF-16 offset of every code point, the end included
    private static int[] unitsOfCodePoints(String text) {
        int[] units = new int[text.codePointCount(0, text.length()) + 1];
        int unit = 0;
        for (int i = 0; i + 1 < units.length; i++) {
            units[i] = unit;
            unit += Character.charCount(text.codePointAt(unit));
        }
        units[units.length - 1] = text.length();
        return units;
    }

    /// Text of ids, special tokens left out.
    public String decode(int[] ids) {
        return engine.decode(longs(ids), TokenizerEngine.SpecialTokenText.SKIPPED);
    }

    /// Text of ids, special tokens written out.
    public String decodeWithSpecialTokens(int[] ids) {
        return engine.decode(longs(ids), TokenizerEngine.SpecialTokenText.WRITTEN);
    }

    private static int[] ints(long[] ids) {
        int[] narrow = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            narrow[i] = Math.toIntExact(ids[i]);
        }
        return narrow;
    }

    private static long[] longs(int[] ids) {
        long[] wide = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            wide[i] = ids[i];
        }
        return wide;
    }

    @Override
    public synchronized void close() {
        engine.close();
        engineOfLongTexts.ifPresent(TokenizerEngine::close);
    }
}
