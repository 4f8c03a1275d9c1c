package dev.bowline.audit.evidence;

import dev.bowline.safetensors.SalvagedHeader;
import java.nio.file.Path;
import java.util.Optional;

/// A file of the checkpoint that breaks its format.
///
/// @param malformed whether it is a safetensors file or an index at all, with something wrong inside
/// @param salvaged its contents, where they are certain in spite of the problem
public record ContainerProblem(Path file, String problem, boolean malformed, Optional<SalvagedHeader> salvaged) {

    /// Returns true if the file is the index, false if it holds weights.
    boolean isJson() {
        return file.toString().endsWith(".json");
    }
}
