package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.WeightFiles;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// The state of each weights file when it was opened, to detect writes into a mapped file.
///
/// A check reads each file's size and times and no content.
final class WeightStamps {

    private final WeightFiles weights;
    private final Map<SafetensorsFile, FileStamp> stamps;

    private WeightStamps(WeightFiles weights, Map<SafetensorsFile, FileStamp> stamps) {
        this.weights = weights;
        this.stamps = stamps;
    }

    static WeightStamps of(WeightFiles weights) throws IOException {
        Map<SafetensorsFile, FileStamp> stamps = new HashMap<>();
        for (SafetensorsFile file : weights.files()) {
            stamps.put(file, FileStamp.of(file.path()));
        }
        return new WeightStamps(weights, stamps);
    }

    /// @throws BowlineException if a file that holds one of `keys` was written to
    void requireNotRewritten(Collection<String> keys) {
        Set<SafetensorsFile> seen = new HashSet<>();
        for (String key : keys) {
            SafetensorsFile file = weights.file(key);
            if (seen.add(file) && isRewritten(file)) {
                throw new BowlineException(
                        "%s was written to after it was loaded, and '%s' is read from it".formatted(file.path(), key),
                        "restore the file, and resume from the last checkpoint saved before the change");
            }
        }
    }

    boolean isRewritten() {
        return weights.files().stream().anyMatch(this::isRewritten);
    }

    boolean isRewritten(String key) {
        return isRewritten(weights.file(key));
    }

    private boolean isRewritten(SafetensorsFile file) {
        return Objects.requireNonNull(stamps.get(file)).changeOf(file.path()) == FileStamp.Change.REWRITTEN;
    }
}
