package dev.bowline.adapter.format;

import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.WeightFiles;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/// The tensors of a base model, by which an adapter recognises the base that it was trained on.
///
/// A tensor's text is its dtype, its shape and the CRC-32C of its bytes in the file, such as `BF16 [8, 4]
/// 1a2b3c4d`. A checksum, and no cryptographic hash, because the check runs with every load of an adapter and
/// reads the whole base: it protects against a mistake and not against an attack.
///
/// @param tensors the text of every tensor by its key in the checkpoint, in the order of the keys
public record BaseIdentity(SequencedMap<String, String> tensors) {

    private static final long PIECE_BYTES = 64L << 20;

    /// The result of a comparison.
    public sealed interface Difference {

        /// A tensor of both differs, in dtype, shape or values.
        ///
        /// @param recorded its text in the adapter's record
        /// @param found its text in the base at hand
        record Tensor(String key, String recorded, String found) implements Difference {}

        /// The two have no key in common, as after a conversion to other names.
        record NoCommonKey() implements Difference {}
    }

    public BaseIdentity {
        tensors = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(new TreeMap<>(tensors)));
    }

    /// Reads every byte of the weights once.
    public static BaseIdentity of(WeightFiles weights) {
        SequencedMap<String, String> tensors = new LinkedHashMap<>();
        for (TensorEntry entry : weights.entries().values()) {
            tensors.put(entry.name(), text(entry, weights.bytes(entry.name())));
        }
        return new BaseIdentity(tensors);
    }

    private static String text(TensorEntry entry, MemorySegment bytes) {
        CRC32C checksum = new CRC32C();
        for (long done = 0; done < bytes.byteSize(); done += PIECE_BYTES) {
            checksum.update(bytes.asSlice(done, Math.min(PIECE_BYTES, bytes.byteSize() - done))
                    .asByteBuffer());
        }
        if (bytes.isMapped()) {
            // Otherwise the whole base would be resident in the end.
            bytes.unload();
        }
        return "%s %s %08x".formatted(entry.type(), entry.shape(), checksum.getValue());
    }

    /// The SHA-256 of the lines `key text`, in lower-case hexadecimal.
    public String hash() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            tensors.forEach((key, text) -> digest.update((key + " " + text + "\n").getBytes(StandardCharsets.UTF_8)));
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /// The first tensor of both that differs. A tensor that only one of them has is no difference: a tied head is
    /// stored by some programs and left out by others.
    ///
    /// @param found the base at hand
    public Optional<Difference> difference(BaseIdentity found) {
        List<Map.Entry<String, String>> common = tensors.entrySet().stream()
                .filter(entry -> found.tensors.containsKey(entry.getKey()))
                .toList();
        if (common.isEmpty()) {
            return Optional.of(new Difference.NoCommonKey());
        }
        return common.stream()
                .filter(entry -> !entry.getValue().equals(found.tensors.get(entry.getKey())))
                .findFirst()
                .map(entry -> new Difference.Tensor(
                        entry.getKey(), entry.getValue(), Objects.requireNonNull(found.tensors.get(entry.getKey()))));
    }
}
