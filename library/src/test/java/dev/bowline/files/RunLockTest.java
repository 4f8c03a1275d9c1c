package dev.bowline.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// One run at a time writes into a directory; a process that died has no lock, however it died.
class RunLockTest {

    private static final RunLock.Locking NONE = _ -> {
        throw new IOException("No locks available");
    };

    @TempDir
    private Path run = Path.of("");

    /// Takes the lock of a directory and waits to be killed.
    static final class Holder {
        private Holder() {}

        public static void main(String[] arguments) throws IOException {
            RunLock.acquire(Path.of(arguments[0]));
            System.out.println("locked");
            System.in.read();
        }
    }

    @Test
    void aLivingProcessHasTheLockAndAKilledOneDoesNot() throws IOException, InterruptedException {
        Process holder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        run.toString())
                .start();
        try {
            assertEquals("locked", holder.inputReader().readLine());

            BowlineException refused = assertThrows(BowlineException.class, () -> RunLock.acquire(run));
            assertThrows(BowlineException.class, () -> RunLock.requireFree(run));

            assertTrue(refused.problem().contains("pid %d)".formatted(holder.pid())), refused.problem());
        } finally {
            holder.destroyForcibly().waitFor();
        }
        RunLock.requireFree(run);
        RunLock.acquire(run).close();
    }

    @Test
    void whereThereAreNoLocksTheFileDecides() throws IOException {
        LockOwner here = LockOwner.current();
        RunLock.acquire(run, NONE, here).close();

        left(new LockOwner(here.host(), here.pid(), "2001-01-01T00:00:00Z"));
        RunLock.acquire(run, NONE, here).close();

        left(new LockOwner("elsewhere", 17, here.started()));
        BowlineException refused = assertThrows(BowlineException.class, () -> RunLock.acquire(run, NONE, here));
        assertTrue(refused.problem().contains("host elsewhere, pid 17"), refused.problem());
        assertTrue(refused.fix().contains("remove " + run.resolve(RunLock.FILE_NAME)), refused.fix());

        left(here);
        assertThrows(BowlineException.class, () -> RunLock.acquire(run, NONE, here));
    }

    private void left(LockOwner owner) throws IOException {
        Files.writeString(run.resolve(RunLock.FILE_NAME), Json.compact(owner.json()));
    }

    /// Nor is a file written through a link that lies there.
    @Test
    void aLinkInThePlaceOfTheFileIsNotFollowed() throws IOException {
        Path victim = Files.writeString(run.resolve("victim"), "precious");
        Files.createSymbolicLink(run.resolve(RunLock.FILE_NAME), victim);

        assertThrows(BowlineException.class, () -> RunLock.acquire(run));

        assertEquals("precious", Files.readString(victim));
    }
}
