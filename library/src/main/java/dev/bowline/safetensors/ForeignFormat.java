package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/// The probable format of a file that is not safetensors, by its first bytes.
enum ForeignFormat {
    LFS_POINTER("a Git LFS pointer, not the file it points to", "run 'git lfs pull', or download the file itself") {
        @Override
        boolean matches(byte[] start) {
            return startsWith(start, "version https://git-lfs");
        }
    },
    ZIP_PICKLE(
            "a zip archive, as PyTorch writes its pickles: Bowline never opens those",
            "use the model's .safetensors files, or convert it in an environment you trust") {
        @Override
        boolean matches(byte[] start) {
            return startsWith(start, "PK\3\4") || startsWith(start, "PK\5\6");
        }
    },
    PICKLE(
            "a PyTorch pickle: Bowline never opens those",
            "use the model's .safetensors files, or convert it in an environment you trust") {
        @Override
        boolean matches(byte[] start) {
            return start.length > 1 && start[0] == (byte) 0x80 && start[1] >= 2 && start[1] <= 5;
        }
    },
    GGUF("a GGUF file", "use the model's .safetensors files") {
        @Override
        boolean matches(byte[] start) {
            return startsWith(start, "GGUF");
        }
    },
    HDF5("an HDF5 file", "use the model's .safetensors files") {
        @Override
        boolean matches(byte[] start) {
            return start.length > 3 && start[0] == (byte) 0x89 && start[1] == 'H' && start[2] == 'D' && start[3] == 'F';
        }
    },
    WEB_PAGE("a web page", "download the file again: the server answered with a page, perhaps a login or an error") {
        @Override
        boolean matches(byte[] start) {
            return startsWith(start, "<!") || startsWith(start, "<html") || startsWith(start, "<?xml");
        }
    },
    JSON("JSON text", "name the .safetensors file; an index is read through its directory") {
        @Override
        boolean matches(byte[] start) {
            return startsWith(start, "{");
        }
    };

    /// Enough bytes for every format here.
    static final int START_BYTES = 32;

    private final String description;
    private final String fix;

    ForeignFormat(String description, String fix) {
        this.description = description;
        this.fix = fix;
    }

    abstract boolean matches(byte[] start);

    /// The refusal that says what `path` is, if its first bytes tell.
    static Optional<BowlineException> refusal(Path path, byte[] start) {
        for (ForeignFormat format : values()) {
            if (format.matches(start)) {
                return Optional.of(new BowlineException(
                        "%s is not a safetensors file but %s".formatted(path, format.description), format.fix));
            }
        }
        return Optional.empty();
    }

    private static boolean startsWith(byte[] start, String text) {
        byte[] wanted = text.getBytes(StandardCharsets.ISO_8859_1);
        return start.length >= wanted.length && Arrays.equals(wanted, Arrays.copyOf(start, wanted.length));
    }
}
