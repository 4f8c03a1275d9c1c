package dev.bowline.audit;

import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorRange;
import java.nio.file.Path;

/// A tensor and the file that holds it.
///
/// @param start where its bytes begin in the file
public record PlacedTensor(Path file, long start, TensorEntry entry) {

    static PlacedTensor of(SafetensorsHeader header, TensorEntry entry) {
        return new PlacedTensor(header.path(), header.dataStart() + entry.begin(), entry);
    }

    public String key() {
        return entry.name();
    }

    TensorRange range() {
        return new TensorRange(file, start, entry);
    }

    String fileName() {
        return String.valueOf(file.getFileName());
    }
}
