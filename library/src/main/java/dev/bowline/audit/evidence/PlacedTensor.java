package dev.bowline.audit.evidence;

import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorRange;
import java.nio.file.Path;

/// A tensor and the file that holds it.
///
/// @param start where its bytes begin in the file
public record PlacedTensor(Path file, long start, TensorEntry entry) {

    public static PlacedTensor of(SafetensorsHeader header, TensorEntry entry) {
        return new PlacedTensor(header.path(), header.dataStart() + entry.begin(), entry);
    }

    public String key() {
        return entry.name();
    }

    public TensorRange range() {
        return new TensorRange(file, start, entry);
    }

    public String fileName() {
        return String.valueOf(file.getFileName());
    }
}
