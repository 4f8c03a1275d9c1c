package dev.bowline.audit.findings;

import java.nio.file.Path;

/// What merging an adapter would do to the tie.
///
/// @param adapter the PEFT directory
/// @param effect in one clause
public record AdapterMerge(Path adapter, String effect) {}
