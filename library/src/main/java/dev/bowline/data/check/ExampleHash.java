package dev.bowline.data.check;

import dev.bowline.data.Example;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/// Identifies an example by its tokens and the trained ones among them: the first 128 bits of a SHA-256.
record ExampleHash(long first, long second) {

    static ExampleHash of(Example example) {
        int length = example.length();
        ByteBuffer bytes = ByteBuffer.allocate(length * (Integer.BYTES + 1));
        for (int id : example.ids()) {
            bytes.putInt(id);
        }
        for (boolean target : example.targets()) {
            bytes.put((byte) (target ? 1 : 0));
        }
        ByteBuffer hash = ByteBuffer.wrap(sha256().digest(bytes.array()));
        return new ExampleHash(hash.getLong(), hash.getLong());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
