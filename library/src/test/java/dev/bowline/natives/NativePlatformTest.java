package dev.bowline.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A platform without native libraries is refused with the ones that have them, and never gets those of
/// another.
class NativePlatformTest {

    @TempDir
    private Path root = Path.of("");

    @ParameterizedTest
    @CsvSource({
        "Linux, amd64, linux-x86_64, supported",
        "Mac OS X, aarch64, macosx-arm64, supported",
        "Windows 11, amd64, windows-x86_64, supported",
        "Windows Server 2022, amd64, windows-x86_64, supported",
        "Linux, aarch64, linux-arm64, refused",
        "Linux, ppc64le, linux-ppc64le, refused",
        "Linux, riscv64, linux-riscv64, refused",
        "Linux, i386, linux-i386, refused",
        "Mac OS X, x86_64, macosx-x86_64, refused",
        "Windows 11, aarch64, windows-arm64, refused",
        "FreeBSD, amd64, freebsd-x86_64, refused"
    })
    void onlyThreePlatformsAreSupported(String system, String architecture, String name, String verdict) {
        assertEquals(name, NativePlatform.name(system, architecture));

        Optional<BowlineException> refusal = NativePlatform.unsupported(name, root);

        assertEquals(verdict.equals("refused"), refusal.isPresent());
        refusal.ifPresent(told -> {
            assertTrue(told.problem().contains(name), told.problem());
            NativePlatform.SUPPORTED.forEach(each -> assertTrue(told.fix().contains(each), told.fix()));
        });
    }

    @Test
    void linuxNeedsTheLibraryThatLibtorchWasBuiltAgainst() throws IOException {
        Files.createDirectories(root.resolve("lib"));
        Files.createFile(root.resolve("lib/ld-musl-x86_64.so.1"));

        assertTrue(NativePlatform.unsupported("linux-x86_64", root)
                .orElseThrow()
                .problem()
                .contains("musl"));

        Files.createDirectories(root.resolve("lib64"));
        Files.createFile(root.resolve("lib64/ld-linux-x86-64.so.2"));

        assertEquals(Optional.empty(), NativePlatform.unsupported("linux-x86_64", root));
    }
}
