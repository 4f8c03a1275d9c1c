package dev.bowline.text;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.bowline.BowlineException;
import dev.bowline.natives.NativeCache;
import dev.bowline.natives.NativeLibraries;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;

/// The tokenizer library in this process, through DJL's binding. It truncates, pads and downloads nothing.
///
/// A panic of the library ends the process. [NativeTokenizerRisk] says for which files that can happen.
final class NativeTokenizerEngine implements TokenizerEngine {

    private final Path file;
    private final HuggingFaceTokenizer tokenizer;

    private NativeTokenizerEngine(Path file, HuggingFaceTokenizer tokenizer) {
        this.file = file;
        this.tokenizer = tokenizer;
    }

    static NativeTokenizerEngine open(Path file) {
        setIfAbsent("ai.djl.offline", "true");
        setIfAbsent("OPT_OUT_TRACKING", "true");
        setIfAbsent("RUST_FLAVOR", "cpu");
        // Without a log backend, which a library does not have, SLF4J prints a warning.
        setIfAbsent("slf4j.internal.verbosity", "ERROR");
        NativeCache.use();
        try {
            HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(
                    file, Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false"));
            return new NativeTokenizerEngine(file, tokenizer);
        } catch (LinkageError | EngineException e) {
            throw NativeLibraries.loadFailure("the native library of Hugging Face tokenizers", e);
        } catch (IOException | RuntimeException e) {
            throw new BowlineException(
                    "%s cannot be used: %s".formatted(file, e.getMessage()),
                    "use the tokenizer.json that came with the model",
                    e);
        }
    }

    private static void setIfAbsent(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    @Override
    public Encoded encode(String text) {
        Encoding encoding = guarded("encode a text", () -> tokenizer.encode(text, false, false));
        CharSpan[] spans = encoding.getCharTokenSpans();
        int[] starts = new int[spans.length];
        int[] ends = new int[spans.length];
        for (int i = 0; i < spans.length; i++) {
            CharSpan span = spans[i];
            starts[i] = span == null ? -1 : span.getStart();
            ends[i] = span == null ? -1 : span.getEnd();
        }
        return new Encoded(encoding.getIds(), starts, ends, encoding.getTokens());
    }

    @Override
    public String decode(long[] ids, SpecialTokenText special) {
        boolean skip = special == SpecialTokenText.SKIPPED;
        return guarded("decode ids", () -> tokenizer.decode(ids, skip));
    }

    /// The library refuses, for example, an unknown token where the file names no token for it.
    private <T> T guarded(String what, Supplier<T> call) {
        try {
            return call.get();
        } catch (RuntimeException e) {
            throw new BowlineException(
                    "%s cannot %s: %s".formatted(file, what, e.getMessage()),
                    "use the tokenizer.json that came with the model; one for its language and characters",
                    e);
        }
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
