package dev.bowline.text;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.bowline.BowlineException;
import dev.bowline.text.jinja.Span;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Text to token ids and back, as tokenizer.json in a checkpoint directory says.
///
/// Nothing is cut, padded or fetched, whatever the file asks for. Threads may share a tokenizer until it is closed.
public final class Tokenizer implements AutoCloseable {

    /// What becomes of special tokens in decoded text.
    public enum SpecialTokens {
        SHOWN,
        HIDDEN
    }

    private final HuggingFaceTokenizer tokenizer;
    private final Vocabulary vocabulary;
    private final NamedTokens named;

    private Tokenizer(HuggingFaceTokenizer tokenizer, Vocabulary vocabulary, NamedTokens named) {
        this.tokenizer = tokenizer;
        this.vocabulary = vocabulary;
        this.named = named;
    }

    /// Opens the tokenizer of a checkpoint directory; the caller closes it.
    public static Tokenizer open(Path directory) {
        Path file = directory.resolve("tokenizer.json");
        if (!Files.isRegularFile(file)) {
            throw new BowlineException(
                    "%s has no tokenizer.json".formatted(directory),
                    "save the tokenizer in that form: AutoTokenizer.from_pretrained(…).save_pretrained(…) in Python");
        }
        NamedTokens named = NamedTokens.read(directory);
        Vocabulary vocabulary = Vocabulary.read(file, named.texts());
        return new Tokenizer(load(file), vocabulary, named.resolved(vocabulary, directory));
    }

    private static HuggingFaceTokenizer load(Path file) {
        // DJL asks a cloud's metadata service who it runs on unless it is told to stay offline.
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
        // Without a log backend SLF4J says so on the terminal, and a library has no backend.
        System.setProperty("slf4j.internal.verbosity", System.getProperty("slf4j.internal.verbosity", "ERROR"));
        Map<String, String> asWritten = Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false");
        try (InputStream json = Files.newInputStream(file)) {
            return HuggingFaceTokenizer.newInstance(json, asWritten);
        } catch (EngineException | UnsatisfiedLinkError e) {
            throw new BowlineException(
                    "the native tokenizer library cannot be loaded: " + e.getMessage(),
                    "set DJL_CACHE_DIR to a writable directory; this platform may also be without one",
                    e);
        } catch (IOException e) {
            throw new BowlineException("%s cannot be read: %s".formatted(file, e.getMessage()), "check the file", e);
        } catch (RuntimeException e) {
            throw new BowlineException(
                    "%s is not a tokenizer that can be loaded: %s".formatted(file, e.getMessage()),
                    "copy tokenizer.json from the checkpoint again; the format is that of tokenizers 0.21",
                    e);
        }
    }

    /// The tokens of the text and nothing else: what a chat template prints is already complete.
    public TokenizedText encode(String text) {
        return tokens(text, tokenizer.encode(text, false, false));
    }

    /// The tokens of the text and those the tokenizer puts around it, such as a first `<bos>`.
    public TokenizedText encodeWithSpecialTokens(String text) {
        return tokens(text, tokenizer.encode(text, true, false));
    }

    private static TokenizedText tokens(String text, Encoding encoding) {
        int[] ids = Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
        CodePointOffsets offsets = new CodePointOffsets(text);
        List<Span> spans = new ArrayList<>(ids.length);
        int end = 0;
        for (CharSpan span : encoding.getCharTokenSpans()) {
            // A token the tokenizer added has no text; it sits where the one before it ends.
            Span place = span == null
                    ? new Span(end, end)
                    : new Span(offsets.charAt(span.getStart()), offsets.charAt(span.getEnd()));
            spans.add(place);
            end = place.end();
        }
        return new TokenizedText(ids, spans);
    }

    public String decode(int[] ids, SpecialTokens specialTokens) {
        long[] wide = Arrays.stream(ids).asLongStream().toArray();
        return tokenizer.decode(wide, specialTokens == SpecialTokens.HIDDEN);
    }

    /// For text that is shown while it is generated.
    public TokenStream stream(SpecialTokens specialTokens) {
        return new TokenStream(this, specialTokens);
    }

    /// The highest id and one; added tokens included. A model's vocabulary has to be at least as large.
    public int vocabularySize() {
        return vocabulary.size();
    }

    /// Whether the id is one of the tokens that were added to the vocabulary as wholes, such as `<bos>` or `<|turn>`.
    public boolean isAdded(int id) {
        return vocabulary.isAdded(id);
    }

    /// The id of an added token, or of one that the configuration names.
    public Optional<Integer> id(String token) {
        return vocabulary.id(token);
    }

    public Optional<SpecialToken> bos() {
        return named.token("bos_token");
    }

    public Optional<SpecialToken> eos() {
        return named.token("eos_token");
    }

    public Optional<SpecialToken> pad() {
        return named.token("pad_token");
    }

    /// Every token that has a name in the configuration, by that name: what chat templates call `bos_token`.
    public Map<String, String> namedTokens() {
        return named.byName();
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
