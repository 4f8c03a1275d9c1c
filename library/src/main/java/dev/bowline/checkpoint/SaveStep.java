package dev.bowline.checkpoint;

/// Where a save is; a test stops it at each.
enum SaveStep {
    STARTED,
    WEIGHTS_WRITTEN,
    INDEX_WRITTEN,
    CONFIG_WRITTEN,
    FILES_COPIED,
    STATE_WRITTEN,
    READ_BACK,
    LEDGER_WRITTEN,
    /// A training checkpoint has its name.
    IN_PLACE,
    LATEST_NAMED,
    PRUNED;

    /// Told of each step as it is done.
    @FunctionalInterface
    interface Observer {
        void reached(SaveStep step);
    }
}
