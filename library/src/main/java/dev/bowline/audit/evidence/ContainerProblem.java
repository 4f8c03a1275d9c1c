package dev.bowline.audit.evidence;

import dev.bowline.safetensors.SalvagedHeader;
import java.nio.file.Path;
import java.util.Optional;

/// A file of the checkpoint that could not be taken as it is.
///
/// @param malformed whether it is a safetensors file or an index at all, with something wrong inside
/// @param salvaged what it holds, where there is no doubt about that all the same
public record ContainerProblem(Path file, String problem, boolean malformed, Optional<SalvagedHeader> salvaged) {

    /// Returns true if the file is the index, false if it holds weights.
    boolean isJson() {
        return file.toString().endsWith(".json");
    }
}
