package dev.bowline.audit;

import dev.bowline.safetensors.SafetensorsHeader;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What the tensors of some files will be called: each as now, unless it is named here.
///
/// @param changed no name for a tensor that is left out, two for one that is written twice
record TensorNames(Map<At, List<String>> changed) {

    /// A tensor of one file.
    record At(Path file, String key) {}

    static final TensorNames AS_THEY_ARE = new TensorNames(Map.of());

    TensorNames {
        changed = Map.copyOf(changed);
    }

    List<String> of(SafetensorsHeader header, String key) {
        return changed.isEmpty() ? List.of(key) : changed.getOrDefault(new At(header.path(), key), List.of(key));
    }

    boolean isEmpty() {
        return changed.isEmpty();
    }

    boolean touch(SafetensorsHeader header) {
        return changed.keySet().stream().anyMatch(at -> at.file().equals(header.path()));
    }

    /// The same, and then what is in `next` by the names that it finds.
    TensorNames then(Map<String, List<String>> next, List<SafetensorsHeader> headers) {
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
