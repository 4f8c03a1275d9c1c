package dev.bowline.ties;

import dev.bowline.BowlineException;

/// The tensors of a checkpoint for a head and its input embedding.
///
/// [#plan] is the one place that decides how to load them under a flag. No value is overwritten, guessed or
/// random.
public enum HeadBytes {
    EMBED_ONLY("only the input embedding"),
    HEAD_ONLY("only the head"),
    BOTH_EQUAL("both, bitwise equal"),
    BOTH_DIFFER("both, with different values"),
    SHAPE_MISMATCH("both, with different shapes"),
    NEITHER("neither the head nor the input embedding");

    private final String text;

    HeadBytes(String text) {
        this.text = text;
    }

    /// The way a load fills the pair.
    public enum Plan {
        /// The embedding is filled and the head is tied to it.
        TIE,
        /// The file has the tied value under the head's name only; it fills the embedding.
        TIE_FROM_HEAD,
        /// The file repeats the tied value under the head's name; the load skips the copy.
        TIE_AND_DROP_DUPLICATE,
        /// Each is filled from its own tensor.
        SEPARATE
    }

    /// @param checkpoint the name of the checkpoint in messages, with details about the two tensors
    /// @throws BowlineException when loading would lose a trained value or invent one
    public Plan plan(TieFlag flag, String checkpoint) {
        return flag.tied() ? tied(flag, checkpoint) : untied(flag, checkpoint);
    }

    /// A phrase for messages.
    public String text() {
        return text;
    }

    private Plan tied(TieFlag flag, String checkpoint) {
        return switch (this) {
            case EMBED_ONLY -> Plan.TIE;
            case HEAD_ONLY -> Plan.TIE_FROM_HEAD;
            case BOTH_EQUAL -> Plan.TIE_AND_DROP_DUPLICATE;
            case BOTH_DIFFER, SHAPE_MISMATCH ->
                throw refusal(
                        flag,
                        checkpoint,
                        "the head diverged from the embedding; set tie_word_embeddings to false at every level of"
                                + " config.json to keep both values");
            case NEITHER -> throw refusal(flag, checkpoint, "restore the embedding from the original checkpoint");
        };
    }

    private Plan untied(TieFlag flag, String checkpoint) {
        return switch (this) {
            case BOTH_EQUAL, BOTH_DIFFER, SHAPE_MISMATCH -> Plan.SEPARATE;
            case EMBED_ONLY ->
                throw refusal(
                        flag,
                        checkpoint,
                        "if the model was trained tied, set tie_word_embeddings to true at every level of config.json;"
                                + " otherwise restore lm_head.weight");
            case HEAD_ONLY, NEITHER ->
                throw refusal(flag, checkpoint, "restore the missing tensors from the original checkpoint");
        };
    }

    private BowlineException refusal(TieFlag flag, String checkpoint, String fix) {
        return new BowlineException("%s: %s, but the files hold %s".formatted(checkpoint, flag.describe(), text), fix);
    }
}
