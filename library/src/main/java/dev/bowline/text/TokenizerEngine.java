package dev.bowline.text;

/// Hugging Face's `tokenizers` library with one tokenizer.json loaded. Owns native memory or a process; close it.
/// Threads may share one.
interface TokenizerEngine extends AutoCloseable {

    /// Ids and where each came from.
    ///
    /// @param ids in order
    /// @param starts the first code point that token i stands for, or -1 for a special token
    /// @param ends the code point after its last, or -1
    /// @param tokens as the vocabulary spells them
    record Encoded(long[] ids, int[] starts, int[] ends, String[] tokens) {}

    /// Tokenizes without adding special tokens.
    ///
    /// @throws dev.bowline.BowlineException if the tokenizer cannot encode the text
    Encoded encode(String text);

    /// @throws dev.bowline.BowlineException if the tokenizer cannot decode the ids
    String decode(long[] ids, SpecialTokenText special);

    /// The treatment of special tokens in decoding.
    enum SpecialTokenText {
        SKIPPED,
        WRITTEN
    }

    @Override
    void close();
}
