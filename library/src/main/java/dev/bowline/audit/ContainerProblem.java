package dev.bowline.audit;

import java.nio.file.Path;

/// A file of the checkpoint that could not be taken as it is.
///
/// @param malformed whether it is a safetensors file or an index at all, with something wrong inside
record ContainerProblem(Path file, String problem, boolean malformed) {}
