package dev.bowline.safetensors;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// The SHA-256 of a tensor's bytes in the file, and of nothing else, so that any program can check
/// it.
///
/// Dtype and shape are in the header and are compared there.
public final class TensorHash {

    private static final long CHUNK_BYTES = 64L << 20;

    private final MessageDigest digest;

    TensorHash() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /// The hash in lower-case hexadecimal.
    public static String of(MemorySegment bytes) {
        TensorHash hash = new TensorHash();
        for (long done = 0; done < bytes.byteSize(); done += CHUNK_BYTES) {
            hash.update(bytes.asSlice(done, Math.min(CHUNK_BYTES, bytes.byteSize() - done))
                    .asByteBuffer());
        }
        return hash.hex();
    }

    void update(ByteBuffer bytes) {
        digest.update(bytes);
    }

    String hex() {
        return HexFormat.of().formatHex(digest.digest());
    }
}
