package dev.bowline.adapter.merge;

import dev.bowline.BowlineException;
import dev.bowline.safetensors.PeftAdapter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// The SHA-256 of an adapter's file of tensors, by which a merged checkpoint names its adapter.
final class AdapterDigest {

    private AdapterDigest() {}

    static String of(Path adapter) {
        Path file = adapter.resolve(PeftAdapter.WEIGHTS_FILE);
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 20];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                digest.update(buffer, 0, read);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(file, e.getMessage()), "check the file and its permissions", e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
