package dev.bowline.audit.findings;

import java.nio.file.Path;

/// The effect of merging an adapter on the tie.
///
/// @param adapter the PEFT directory
/// @param effect in one clause
public record AdapterMerge(Path adapter, String effect) {}
