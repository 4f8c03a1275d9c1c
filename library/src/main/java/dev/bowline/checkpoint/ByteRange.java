package dev.bowline.checkpoint;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// Part of a tensor's bytes.
///
/// @param name of the tensor
/// @param from where the part starts within it
record ByteRange(String name, long from, long bytes) {

    /// Cuts two rows of tensors that hold the same bytes, one after another: which parts of `given` make up
    /// each of `wanted`.
    ///
    /// @param given bytes by name, in order
    /// @param wanted bytes by name, in order
    static Map<String, List<ByteRange>> cut(SequencedMap<String, Long> given, SequencedMap<String, Long> wanted) {
        Map<String, List<ByteRange>> pieces = new LinkedHashMap<>();
        wanted.forEach((name, bytes) -> pieces.put(name, within(given, start(wanted, name), bytes)));
        return pieces;
    }

    private static List<ByteRange> within(SequencedMap<String, Long> given, long start, long bytes) {
        List<ByteRange> pieces = new ArrayList<>();
        long position = 0;
        for (Map.Entry<String, Long> tensor : given.entrySet()) {
            long from = Math.max(start, position);
            long to = Math.min(start + bytes, position + tensor.getValue());
            if (to > from || (bytes == 0 && pieces.isEmpty() && position == start)) {
                pieces.add(new ByteRange(tensor.getKey(), from - position, Math.max(0, to - from)));
            }
            position += tensor.getValue();
        }
        return pieces;
    }

    private static long start(SequencedMap<String, Long> tensors, String name) {
        long position = 0;
        for (Map.Entry<String, Long> tensor : tensors.entrySet()) {
            if (tensor.getKey().equals(name)) {
                return position;
            }
            position += tensor.getValue();
        }
        throw new IllegalArgumentException("no tensor '" + name + "'");
    }
}
