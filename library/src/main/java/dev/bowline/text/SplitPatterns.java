package dev.bowline.text;

import java.util.Set;

/// The regular expressions by which published tokenizers split text, as their tokenizer.json spells them.
///
/// Each walks through any text in a time that grows with its length, except for runs of millions of blanks.
final class SplitPatterns {

    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
    private static final String MARKED_WORD = "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+";
    private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String SIGNS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
    private static final String BLANKS = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String GPT2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+";

    private static final Set<String> PUBLISHED = Set.of(
            // GPT-2 and those after it
            GPT2_WORDS + "|\\s+(?!\\S)|\\s+",
            GPT2_WORDS + "|\\s+(?!\\S)",
            // Llama 3, Phi-4, SmolLM3
            CONTRACTIONS + "|" + WORD + "|\\p{N}{1,3}|" + SIGNS + "|" + BLANKS,
            // Qwen 2 and 3
            CONTRACTIONS + "|" + WORD + "|\\p{N}|" + SIGNS + "|" + BLANKS,
            // Qwen 3.5
            CONTRACTIONS + "|" + MARKED_WORD + "|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" + BLANKS,
            // Mistral NeMo, Ministral
            words("") + "|\\p{N}|" + " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" + BLANKS,
            // gpt-oss, Phi-4-mini
            words(CONTRACTIONS + "?") + "|\\p{N}{1,3}|" + " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" + BLANKS,
            // digits
            "\\p{N}",
            "\\p{N}{1,3}",
            "\\d",
            "[0-9]",
            "[0-9][0-9][0-9]");

    private SplitPatterns() {}

    private static String words(String ending) {
        String before = "[^\\r\\n\\p{L}\\p{N}]?";
        return before + UPPER + "*" + LOWER + "+" + ending + "|" + before + UPPER + "+" + LOWER + "*" + ending;
    }

    static boolean isPublished(String regex) {
        return PUBLISHED.contains(regex);
    }
}
