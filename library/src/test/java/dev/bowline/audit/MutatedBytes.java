package dev.bowline.audit;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// A file's bytes with something wrong near their start, where JSON and headers are: other bytes, more or fewer of
/// them,
/// a word over what was there, a piece cut out.
public final class MutatedBytes {

    private static final List<String> SPLICES = List.of(
            "{",
            "}",
            "[",
            "]",
            "\"",
            "null",
            "true",
            "false",
            "-1",
            "9223372036854775807",
            "1e999",
            "../x",
            "F32",
            "\"tie_word_embeddings\":[]",
            "\"text_config\":7",
            "\"architectures\":[[]]",
            "lm_head.weight",
            "\u0000");

    private MutatedBytes() {}

    public static byte[] of(byte[] original, Random random) {
        byte[] bytes = original.clone();
        return switch (random.nextInt(4)) {
            case 0 -> {
                for (int i = 0; i <= random.nextInt(4); i++) {
                    bytes[random.nextInt(Math.min(bytes.length, 400))] = (byte) random.nextInt(256);
                }
                yield bytes;
            }
            case 1 -> Arrays.copyOf(bytes, random.nextInt(bytes.length + 20));
            case 2 -> {
                byte[] splice = SPLICES.get(random.nextInt(SPLICES.size())).getBytes(StandardCharsets.UTF_8);
                int at = random.nextInt(Math.max(1, Math.min(bytes.length, 400) - splice.length));
                System.arraycopy(splice, 0, bytes, at, Math.min(splice.length, bytes.length - at));
                yield bytes;
            }
            default -> {
                int at = random.nextInt(Math.min(bytes.length, 400));
                int length = Math.min(1 + random.nextInt(12), bytes.length - at);
                byte[] cut = new byte[bytes.length - length];
                System.arraycopy(bytes, 0, cut, 0, at);
                System.arraycopy(bytes, at + length, cut, at, bytes.length - at - length);
                yield cut;
            }
        };
    }
}
