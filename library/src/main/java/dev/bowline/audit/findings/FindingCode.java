package dev.bowline.audit.findings;

/// The kinds of findings. Codes are stable: scripts and pages refer to them.
public enum FindingCode {
    T01("DIVERGED_PAIR_UNDER_TIED_FLAG"),
    T02("HEAD_MISSING_UNTIED"),
    T02B("HEAD_AND_EMBED_MISSING"),
    T02C("INPUT_EMBEDDING_MISSING"),
    T03("FLAG_LEVEL_CONFLICT"),
    T04("FLAG_ABSENT_DEFAULT_DEPENDS"),
    T05("REDUNDANT_DUPLICATE_HEAD"),
    T06("NEAR_EQUAL_PAIR"),
    T07("INVERTED_TIE"),
    T08("INDEX_SHARD_MISMATCH"),
    T09("ROW_SLICE_TIE"),
    T10("VOCAB_MISMATCH"),
    T11("QUANTISATION_SPLITS_TIE"),
    T12("ADAPTER_TOUCHES_TIED_WEIGHT"),
    T13("STALE_TIED_FLAG_AFTER_MERGE"),
    T14("UNTIED_BUT_IDENTICAL"),
    T15("RANDOM_OR_DEAD_HEAD"),
    T16("DAMAGED_ROWS"),
    T17("INCOMPLETE_ALIAS_GROUP"),
    T18("AUXILIARY_HEAD_AMBIGUITY"),
    T19("METADATA_ALIAS_CONFLICT"),
    T20("BIAS_ON_TIED_HEAD"),
    T21("DTYPE_DIFFERS_WITHIN_PAIR"),
    T22("MALFORMED_CONTAINER"),
    T23("HEAD_PREFIX_UNEXPECTED"),
    T24("DRAFT_INHERITED_FLAG"),
    T25("POLICY_VIOLATION"),
    T26("CHANGED_VS_BASE"),
    T27("ADAPTER_WITHOUT_MODULE"),
    T28("ADAPTER_SCALE_DIFFERS"),
    T29("ADAPTER_EXPERTS_UNREADABLE"),
    T30("ADAPTER_WITHOUT_EFFECT"),
    T31("ADAPTER_KEYS_UNREAD"),
    T32("ADAPTER_SHAPE_DIFFERS"),
    T33("EXPERT_SCALE_BAKED_IN"),
    T34("ADAPTER_EXPERTS_IN_OLD_LAYOUT"),
    T35("ADAPTER_VALUES_LOST"),
    T36("ADAPTER_VOCABULARY_DIFFERS"),
    T37("ADAPTER_OF_ANOTHER_BASE"),
    T38("ADAPTER_UNTIED_THE_PAIR");

    private final String title;

    FindingCode(String title) {
        this.title = title;
    }

    public String title() {
        return title;
    }

    /// The written form, such as `T02b`.
    public String id() {
        return name().substring(0, 3) + name().substring(3).toLowerCase(java.util.Locale.ROOT);
    }
}
