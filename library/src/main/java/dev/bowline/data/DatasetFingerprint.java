package dev.bowline.data;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/// Identifies a dataset by the tokens that are trained on.
final class DatasetFingerprint {

    private DatasetFingerprint() {}

    /// The bytes contain the counts, so two different lists of rows never have the same bytes.
    static String of(List<PackedRow> rows) {
        MessageDigest digest = sha256();
        digest.update(number(rows.size()));
        for (PackedRow row : rows) {
            digest.update(number(row.examples().size()));
            for (Example example : row.examples()) {
                digest.update(bytes(example));
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static byte[] number(int number) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
    }

    private static byte[] bytes(Example example) {
        int length = example.length();
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES + length * (Integer.BYTES + 1));
        bytes.putInt(length);
        for (int id : example.ids()) {
            bytes.putInt(id);
        }
        for (boolean target : example.targets()) {
            bytes.put((byte) (target ? 1 : 0));
        }
        return bytes.array();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
