package dev.bowline.audit.evidence;

import dev.bowline.safetensors.SafetensorsHeader;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The names that the tensors of some files will have. A tensor that is not listed keeps its name.
///
/// @param changed no name for a tensor that is left out, two for one that is written twice
public record TensorNames(Map<At, List<String>> changed) {

    /// A tensor of one file.
    public record At(Path file, String key) {}

    public static final TensorNames AS_THEY_ARE = new TensorNames(Map.of());

    public TensorNames {
        changed = Map.copyOf(changed);
    }

    public List<String> of(SafetensorsHeader header, String key) {
        return changed.isEmpty() ? List.of(key) : changed.getOrDefault(new At(header.path(), key), List.of(key));
    }

    public boolean isEmpty() {
        return changed.isEmpty();
    }

    public boolean touch(SafetensorsHeader header) {
        return changed.keySet().stream().anyMatch(at -> at.file().equals(header.path()));
    }

    /// The same, and then what is in `next` by the names that it finds.
    public TensorNames then(Map<String, List<String>> next, List<SafetensorsHeader> headers) {
        Map<At, List<String>> both = new LinkedHashMap<>();
        for (SafetensorsHeader header : headers) {
            for (String key : header.entries().keySet()) {
                List<String> names = of(header, key).stream()
                        .flatMap(name -> next.getOrDefault(name, List.of(name)).stream())
                        .toList();
                if (!names.equals(List.of(key))) {
                    both.put(new At(header.path(), key), names);
                }
            }
        }
        return new TensorNames(both);
    }
}
